"""An installation with its API in process: a database of its own, somebody of every tier and role, and their tokens."""

from __future__ import annotations

import gc
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from tidemill.bootstrap.api import build_parts
from tidemill.bootstrap.parts import Parts
from tidemill.model.people import Principal, Role, Tier
from tidemill.services.access.access import Access, principal
from tidemill.services.access.passwords import Passwords
from tidemill.services.access.persons import NewUser, User
from tidemill.services.home import find_home
from tidemill.services.settings.loading import load_settings
from tidemill.web import app as web_app
from tidemill.web.mounts import mount_all

__all__ = ["CHEAP", "PASSWORD", "PEOPLE", "Service", "make_app", "make_parts", "make_service"]

PASSWORD = "correct horse battery"  # noqa: S105 - of people who exist for one test
# Tests of what argon2 costs make their own; here its result is the same and the cost is not.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Service:
    """An installation under test.

    ``client`` asks as nobody; ``service.as_("ann")`` returns a client that is signed in. Names: ``owner``, ``admin``,
    ``trader``, ``viewer`` (PREMIUM all), ``other`` (a second trader), ``free``, ``basic``, ``premium``, ``enterprise``
    (traders of that tier).
    """

    parts: Parts
    app: FastAPI
    client: TestClient
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, role: Role = Role.TRADER, tier: Tier = Tier.PREMIUM) -> User:
        """Add somebody, with a token."""
        user = self.parts.access.users.add(NewUser(name, f"{name}@example.com", PASSWORD, role, tier), None)
        self.users[name] = user
        self.tokens[name] = self.parts.access.mint(user, 3_600)[0]
        return user

    def principal(self, name: str) -> Principal:
        """Return somebody as services see them."""
        user = self.users[name]
        return principal(user, user.role)

    def headers(self, name: str) -> dict[str, str]:
        """Return the header that says who asks."""
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    def as_(self, name: str) -> TestClient:
        """Return a client that is signed in; it shares the app, and needs no closing."""
        client = TestClient(self.app, base_url="http://localhost", raise_server_exceptions=True)
        client.headers.update(self.headers(name))
        return client

    def get(self, name: str, path: str, status: int = 200, **more: Any) -> Any:
        """Return what somebody gets; fails the test on another status."""
        return self.ask(name, "GET", path, status, **more)

    def post(self, name: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        """Return what somebody's post is answered with."""
        return self.ask(name, "POST", path, status, json=body, **more)

    def ask(self, name: str, method: str, path: str, status: int, **more: Any) -> Any:
        """Ask as somebody; fails the test on another status, and returns the answer's JSON."""
        headers = {**(self.headers(name) if name else {}), **more.pop("headers", {})}
        answer = self.client.request(method, path, headers=headers, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:800]}"
        return json.loads(answer.content) if answer.content else None


PEOPLE = (
    ("owner", Role.OWNER, Tier.PREMIUM),
    ("admin", Role.ADMIN, Tier.PREMIUM),
    ("trader", Role.TRADER, Tier.PREMIUM),
    ("viewer", Role.VIEWER, Tier.PREMIUM),
    ("other", Role.TRADER, Tier.PREMIUM),
    ("free", Role.TRADER, Tier.FREE),
    ("basic", Role.TRADER, Tier.BASIC),
    ("premium", Role.TRADER, Tier.PREMIUM),
    ("enterprise", Role.TRADER, Tier.ENTERPRISE),
)


def make_parts(folder: Path, url: str | None = None, **overrides: Any) -> Parts:
    """Return the parts of an installation in a folder; passwords cost nothing."""
    loaded = load_settings(folder, {}, {"rate_limit_ratio": 1_000.0, **overrides})
    parts = build_parts(find_home(folder / "home", url), loaded)
    parts.access = Access(parts.database, parts.clock, b"k" * 32, parts.access.settings, passwords=Passwords(CHEAP))
    return parts


@cache
def mounted() -> list[BaseRoute]:
    """Return the routes of every app: they know nothing of an installation, and take a second to make."""
    app = FastAPI(openapi_url=None)
    mount_all(app)
    return list(app.router.routes)


def make_app(parts: Parts) -> FastAPI:
    """Return the app over parts, with the routes that all of them share."""
    with patch.object(web_app, "mount_all", lambda app: app.router.routes.extend(mounted())):
        return web_app.create_app(parts)


@cache
def template() -> tuple[bytes, dict[str, User], dict[str, str]]:
    """Return the database of an installation with people, made once: its migrations and their tokens take a second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = make_parts(folder)
        app = make_app(parts)
        service = Service(parts, app, TestClient(app))
        add_people(service)
        parts.close()
        with closing(sqlite3.connect(folder / "home" / "tidemill.db")) as connection:
            return connection.serialize(), service.users, service.tokens


def add_people(service: Service) -> None:
    """Add somebody of every role and tier."""
    for name, role, tier in PEOPLE:
        service.add(name, role, tier)


def make_service(folder: Path, url: str | None = None, **overrides: Any) -> Iterator[Service]:
    """Yield an installation with people."""
    file, users, tokens = folder / "home" / "tidemill.db", {}, {}
    if url is None and not file.exists():
        content, users, tokens = template()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    parts = make_parts(folder, url, **overrides)
    app = make_app(parts)
    with TestClient(app, base_url="http://localhost") as client:
        service = Service(parts, app, client, dict(users), dict(tokens))
        if not users:
            add_people(service)
        yield service
    parts.close()
    if url is not None:
        gc.collect()  # connections of threads that have ended go with them, and a server takes only so many
