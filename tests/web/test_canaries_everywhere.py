"""A day of an installation whose every secret is marked: afterwards no mark is in any file, frame, figure or answer.

What may hold one: nothing of ours but the files of keys. The database keeps hashes and sealed texts, and a backup is a
copy of it.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from hosting import Host
from installation import Service, make_parts
from trading.by_hand import ALWAYS, SMOKE, place, settled, tick, trades
from websockets.sync.client import connect

from tidemill.bootstrap.api import Behind, server_config
from tidemill.bootstrap.server_log import ServerLog
from tidemill.services.backups import make_backup
from tidemill.services.logs import Log
from tidemill.web.app import create_app

KEYS = {
    "ALPACA_API_KEY": "canary-alpaca-key-01",
    "ALPACA_API_SECRET": "canary-alpaca-secret-02",
    "TELEGRAM_BOT_TOKEN": "123456:canary-telegram-03",
    "ANTHROPIC_API_KEY": "canary-anthropic-04",
    "POLYGON_API_KEY": "canary-polygon-05",
    "TRADESTATION_API_SECRET": "canary-tradestation-06",
    "TRADOVATE_SECRET": "canary-tradovate-07",
    "SMTP_PASSWORD": "canary-mail-password-08",
    "SCRAPE_TOKEN": "canary-scrape-token-09-0123456789abcdef",
}
PASSWORD = "canary Passphrase 10 of mine"  # noqa: S105 - of somebody who exists for one test
WRONG = "canary wrong password 11"
OF_KEYS = {"jwt.key", "seal.key"}


@dataclass
class Day:
    """What an installation said and wrote in a day, and what nobody may find in it."""

    service: Service
    folder: Path
    secrets: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


class LoudHost(Host):
    """A host whose log is kept."""

    def _start(self) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-c",
            "import sys; from tidemill.cli.main import main; sys.exit(main())",
            *self._words,
        ]
        with (Path(self._words[2]).parent / "host.log").open("a") as log:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)


@contextmanager
def loud(service: Service) -> Iterator[None]:
    host = LoudHost(service)
    try:
        host.await_ready()
        yield
    finally:
        host.kill()


def sign_in(day: Day, code: str) -> None:
    """Become the owner, go wrong on the way, and prolong the session once."""
    service, new = day.service, {"username": "owner", "email": "o@example.com", "password": PASSWORD}
    service.post("", "/v1/auth/register-owner", {**new, "code": "canary-wrong-code-12"}, 403)
    first = service.post("", "/v1/auth/register-owner", {**new, "code": code}, 201)
    service.post("", "/v1/auth/login", {"username": "owner", "password": WRONG}, 401)
    pair = service.post("", "/v1/auth/refresh", {"refresh_token": first["refresh_token"]})
    service.tokens["owner"] = pair["access_token"]
    day.secrets |= {"owner code": code, "password": PASSWORD, "wrong password": WRONG}
    for name, told in (("first", first), ("second", pair)):
        day.secrets |= {f"{name} access": told["access_token"], f"{name} refresh": told["refresh_token"]}


def trade(day: Day) -> None:
    """Let an order be filled, and have the secrets of a webhook told."""
    service = day.service
    service.ask("owner", "PUT", "/v1/config", 200, json=ALWAYS)
    taken = place(service, SMOKE, name="owner")
    tick(service, 17894.75, name="owner")
    settled(service, taken["order_id"], "FILLED", "owner")
    tick(service, 17874.0, name="owner")
    trades(service, 1, "owner")
    hook = service.post("owner", "/v1/webhooks", {"url": "https://example.com/h", "events": ["bot.started"]}, 201)
    day.secrets["webhook secret"] = hook["secret"]
    newer = service.post("owner", f"/v1/webhooks/{hook['id']}/secret")
    day.secrets["newer webhook secret"] = newer["secret"]


def watch(day: Day) -> None:
    """Listen to the stream: the frames go to what was said."""
    config = server_config(day.service.app, Behind())
    config.lifespan = "off"
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        with connect(f"ws://127.0.0.1:{listening.getsockname()[1]}/ws/v1", compression=None) as client:
            client.send(json.dumps({"type": "hello", "token": day.service.tokens["owner"]}))
            day.said.append(str(client.recv(timeout=30)))
            client.send(json.dumps({"type": "subscribe", "topics": ["orders", "fills", "activity", "audit"]}))
            day.said += [str(client.recv(timeout=30)) for _ in range(4)]
        server.should_exit = True
        thread.join(30)


def ask_everything(day: Day) -> None:
    """Read every list, file and figure, and go wrong everywhere with secrets in hand."""
    service = day.service
    for path, operations in service.app.openapi()["paths"].items():
        plain = path.replace("{user_id}", "1")
        if "get" in operations and "{" not in plain:
            day.said.append(service.client.get(plain, headers=service.headers("owner")).text)
        body = {"password": WRONG, "token": service.tokens["owner"], "symbol": PASSWORD}
        headers = {"Authorization": f"Bearer {service.tokens['owner']}x", "X-Request-Id": "canary-request-13"}
        for method in set(operations) & {"post", "put", "patch"}:
            answer = service.client.request(method, path, json=body, headers=headers)
            day.said.append(answer.text)
            assert answer.status_code < 500


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("canaries")
    (folder / ".env").write_text("\n".join(f"{name}={value}" for name, value in KEYS.items()), encoding="utf-8")
    parts = make_parts(folder)
    app = create_app(parts)
    with TestClient(app, base_url="http://localhost") as client, pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        made = Day(Service(parts, app, client), folder, dict(KEYS))
        code = parts.access.new_owner_code()
        assert code is not None
        sign_in(made, code)
        with loud(made.service):
            trade(made)
            watch(made)
            ask_everything(made)
        for name in OF_KEYS:
            kept = parts.home.folder / name
            made.secrets |= {name: kept.read_text(encoding="ascii").strip()} if kept.exists() else {}
        make_backup(parts.home, folder / "saved" / "copy.db")
        yield made
    parts.close()


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in {*OF_KEYS, ".env"}]


def test_no_file_holds_a_secret(day: Day) -> None:
    found = files(day.folder)
    names = " ".join(str(path.relative_to(day.folder)) for path in found)
    assert all(word in names for word in ("tidemill.db", "runs/", "saved/copy.db", "copy.db.runs/", "host.log"))
    holds = [
        f"{path.relative_to(day.folder)}: {name}"
        for path in found
        for name, secret in day.secrets.items()
        if secret.encode() in path.read_bytes()
    ]
    assert holds == []


def test_no_answer_frame_or_figure_tells_a_secret(day: Day) -> None:
    said = "\n".join(day.said)
    assert len(day.said) > 150 and '"type":"snapshot"' in said.replace(" ", "")
    assert [name for name, secret in day.secrets.items() if secret in said] == []


def test_what_is_kept_can_be_found_by_the_same_search(day: Day) -> None:
    """Proves that the search above would find them: what is no secret is there."""
    whole = b"".join(path.read_bytes() for path in files(day.folder))
    assert b"o@example.com" in whole and b"NQZ5" in whole
    assert {"jwt.key", "webhook secret", "second refresh", "owner code"} <= set(day.secrets)


def test_a_crash_tells_no_secret(day: Day) -> None:
    stream = io.StringIO()
    token, url = day.service.tokens["owner"], "postgresql://tidemill:canary-db-14@db/tidemill"
    error = RuntimeError(
        f"cannot reach {url} with Bearer {token} at https://api.example/bot{KEYS['TELEGRAM_BOT_TOKEN']}"
    )
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "x.py", 1, "defect", (), (RuntimeError, error, None))
    ServerLog(Log(stream, process="api")).emit(record)
    told = stream.getvalue()
    assert "cannot reach" in told
    assert not [secret for secret in ("canary-db-14", "canary-telegram-03", token) if secret in told]
