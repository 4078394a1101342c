"""People and their record on SQLite and on PostgreSQL: the same answers, also when two processes ask at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from installation import PASSWORD, Service, make_service

from tidemill.adapters.sql.database import Database
from tidemill.model.people import Role
from tidemill.services.access.access import Access
from tidemill.services.access.audit import record, verify
from tidemill.services.access.persons import UserChange
from tidemill.services.refusals import Refused

pytest_plugins = ["databases"]


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """An installation on SQLite, and one on PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    yield from make_service(tmp_path, url)


@pytest.fixture
def second(installation: Service) -> Access:
    """The same installation as another process sees it: no lock of the first one's threads holds it."""
    parts = installation.parts
    return Access(Database(parts.database.url), parts.clock, b"k" * 32, parts.access.settings, parts.access.passwords)


def test_signing_in_refreshing_and_changing_people(installation: Service) -> None:
    pair = installation.post("", "/v1/auth/login", {"email": "trader@example.com", "password": PASSWORD})
    after = installation.post("", "/v1/auth/refresh", {"refresh_token": pair["refresh_token"]})
    installation.post("", "/v1/auth/refresh", {"refresh_token": pair["refresh_token"]}, 401)
    headers = {"Authorization": f"Bearer {after['access_token']}"}
    assert installation.client.get("/v1/auth/me", headers=headers).status_code == 401
    new = {"username": "trader", "email": "x@example.com", "password": PASSWORD}
    assert installation.post("owner", "/v1/users", new, 409)["code"] == "name_taken"
    number = installation.users["viewer"].user_id
    assert installation.ask("owner", "PATCH", f"/v1/users/{number}", 200, json={"tier": "FREE"})["tier"] == "FREE"
    installation.ask("owner", "DELETE", f"/v1/users/{number}", 204)
    assert verify(installation.parts.database).rows > 15


def test_two_owners_who_would_both_go_leave_one(installation: Service, second: Access) -> None:
    owner, other = installation.users["owner"], installation.add("owner-two", Role.OWNER)

    def go(asked: tuple[Access, int]) -> str:
        access, number = asked
        try:
            return str(access.users.change(number, UserChange(role=Role.VIEWER), None).role)
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        gone = list(pool.map(go, [(installation.parts.access, owner.user_id), (second, other.user_id)]))
    assert sorted(gone) == ["last_owner", "viewer"]


def test_two_processes_write_one_record_and_one_count(installation: Service, second: Access) -> None:
    databases = [installation.parts.database, second._database]  # noqa: SLF001 - the other process's own

    def write(number: int) -> None:
        record(databases[number % 2], installation.principal("trader"), "test", f"thing:{number}")

    def guess(number: int) -> str:
        access = (installation.parts.access, second)[number % 2]
        try:
            access.sign_in("nobody-here", "wrong", address="203.0.113.7")
        except Refused as refused:
            return refused.code
        return "in"

    before = verify(installation.parts.database).rows
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(24)))
        told = list(pool.map(guess, range(16)))
    assert set(told) <= {"wrong_login", "too_many_attempts", "busy"}
    assert 5 <= told.count("wrong_login") <= 6
    assert verify(installation.parts.database).rows == before + 24 + told.count("wrong_login")
