"""The service as ``tidemill up`` keeps it: host, API and watchdog; halts that need no API; doors that stay shut."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from up_scene import COMMAND, Up, until, write_agent

from patience import PATIENCE_S
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.services.halting import halt
from tidemill.services.operating import ask_order, ask_tick

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs Unix signals")
HANG_S = 8.0


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("service")
    scene = Up(folder, [write_agent(folder, "calm")], "--service", "--port", "0", hang_s=HANG_S)
    try:
        scene.wait_ready()
        yield scene
    finally:
        scene.stop()


def url(up: Up) -> str:
    found = [line.rpartition(" ")[2] for line in up.lines() if line.startswith("Tidemill listens on ")]
    assert len(found) == 1
    return found[0]


def ask(address: str, body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise


def answers(up: Up) -> bool:
    address = (up.home.folder / "api.url").read_text(encoding="ascii")
    try:
        return ask(f"{address}/v1/health")["status"] == "healthy"
    except OSError:
        return False


def test_it_tells_where_it_is_and_who_becomes_the_owner(up: Up) -> None:
    lines = up.lines()
    code = next(found[0] for line in lines if (found := re.search(r"([2-9A-Z]{5}-){4}[2-9A-Z]{5}", line)))
    assert url(up).startswith("http://127.0.0.1:")
    body = {"code": code, "username": "ann", "email": "ann@example.com", "password": "correct horse battery"}
    assert ask(f"{url(up)}/v1/auth/register-owner", body)["access_token"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{url(up)}/v1/auth/register-owner", {**body, "username": "eve", "email": "eve@example.com"})
    assert refused.value.code in {403, 409}
    assert code not in (up.home.folder / "logs" / "api.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("child", ["api", "host", "watchdog"])
def test_whatever_is_killed_is_started_again_and_nothing_else_is(up: Up, child: str) -> None:
    others = {name: up.pid(name) for name in ("api", "host", "watchdog", up.run_of("calm")) if name != child}
    before = up.pid(child)
    up.kill(child)
    until(lambda: up.pid(child) != before, what=f"another {child}")
    until(lambda: answers(up), what="an answer")
    assert {name: up.pid(name) for name in others} == others
    if child != "watchdog":
        until(lambda: up.beat(child).pid == up.pid(child), what="its heartbeat")


def test_a_halt_needs_no_api(up: Up) -> None:
    run = up.run_of("calm")
    until(lambda: up.beat(run).pid == up.pid(run))
    ask_tick(up.home, "SPY", 500.0, run_id=run, wait_s=PATIENCE_S)
    placed = ask_order(up.home, {"symbol": "SPY", "side": "buy", "quantity": 3, "limit_price": 400.0}, run_id=run)
    order = placed.text.split()[0]
    with up.stopped("api"):
        done = halt(up.home, "system", Rung.CANCEL, wait_s=PATIENCE_S)
        assert run in done.heeded
        assert _state(up, run, order) == "CANCELED"
    up.kill("api")
    assert Halts(up.home.halts).find(["system"]) is not None
    until(lambda: answers(up), what="an answer")
    assert Halts(up.home.halts).find(["system"]) is not None


def _state(up: Up, run: str, order: str) -> str:
    with up.store() as store:
        return next(row.state for row in store.orders(run) if row.client_id == order)


def test_an_api_that_hangs_is_killed_and_started_again(up: Up) -> None:
    until(lambda: answers(up), what="an answer")
    before = up.pid("api")
    up.kill("api", signal.SIGSTOP)
    until(lambda: up.pid("api") != before, what="another API")
    until(lambda: answers(up), what="an answer")


@pytest.mark.parametrize(
    ("words", "environment", "sentence"),
    [
        (["--host", "0.0.0.0"], {}, "--behind-proxy"),  # noqa: S104 - it is refused
        ([], {"JWT_SECRET": "change-me-please-change-me-please-change-me"}, "JWT_SECRET is a placeholder"),
        ([], {"TIDEMILL_SCRAPE_TOKEN": "your-secret-token"}, "scrape_token"),
        ([], {"APP_ENV": "prod", "TIDEMILL_LOOPBACK_WITHOUT_TOKEN": "true"}, "profile dev only"),
    ],
)
def test_doors_that_stay_shut(tmp_path: Path, words: list[str], environment: dict[str, str], sentence: str) -> None:
    command = [*COMMAND, "up", "--data-dir", str(tmp_path / "home"), *words]
    ended = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 3
    assert sentence in ended.stderr.decode()
    assert b"READY" not in ended.stdout
    assert not (tmp_path / "home" / "logs").exists()


def test_a_door_that_is_taken_is_told_and_never_called_ready(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["up", "--data-dir", str(tmp_path / "home"), "--port", str(taken.getsockname()[1])]
        process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if "api stays down" in line:
                break
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=PATIENCE_S)
    assert "api stays down" in "".join(told)
    assert "READY" not in "".join(told) + rest
