"""Quick trades from the command line, to a real server over a real engine host."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hosting import hosted
from installation import Service

from make_words import make
from tidemill.bootstrap.api import Behind, server_config
from tidemill.cli.main import main


@pytest.fixture
def served(service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int]:
    """Serve the API on a port, and let verbs find it and come in as the owner."""
    server = uvicorn.Server(server_config(service.app, Behind()))
    config = server.config
    config.host, config.port = "127.0.0.1", 0
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setenv("TIDEMILL_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("TIDEMILL_TOKEN", service.tokens["owner"])
    monkeypatch.chdir(tmp_path)
    yield port
    server.should_exit = True
    thread.join()


def run(*words: str) -> int:
    """Return the exit code of a verb."""
    try:
        code: Any = main(list(words))
    except SystemExit as error:
        code = error.code
    return int(code or 0)


def test_the_smoke_steps_and_a_quick_trade(service: Service, served: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert served
    with hosted(service):
        assert run("smoke") == 0
        said = capsys.readouterr().out
        assert "201 POST /v1/orders" in said
        assert "200 GET /v1/export/trades.csv" in said
        file = Path("trade_template.json")
        assert run("trade", str(file)) == 0
        assert "template" in capsys.readouterr().out
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), "quantity": 2}), encoding="utf-8")
        assert run("trade", str(file), "--key", "mine") == 0
        assert run("trade", str(file), "--key", "mine") == 0
        first, second = capsys.readouterr().out.split("\n")[:2]
        assert first == second
        kept = json.loads(Path("trades_submitted/mine.json").read_text(encoding="utf-8"))
        assert (kept["order"]["symbol"], kept["answer"]["source"]) == ("NQZ5", "manual_json")
    assert run("trade", str(file), "--backfill", "--entered-at", "2025-09-12T13:45:00Z") == 0
    assert "RECORDED" in capsys.readouterr().out
    file.write_text(json.dumps({**kept["order"], "symbol": "AAPL"}), encoding="utf-8")
    assert run("trade", str(file)) != 0
    assert "NQ" in capsys.readouterr().err


def test_a_quick_trade_out_of_questions(
    service: Service, served: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served

    def asked(*answers: str, words: tuple[str, ...] = ()) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
        return run("trade", "--backfill", *words)

    moment = "2025-09-12T13:45:00Z"
    assert asked("", "BUY", "", "17895", "17885", "no price", "17915", "from my notebook", moment) == 0
    said = capsys.readouterr()
    assert "RECORDED BUY 1 NQZ5" in said.out and "valid number" in said.out + said.err
    assert asked("NQZ5", "SELL", "2", "17895", "17905", "", "", words=("--entered-at", moment)) == 0
    logs = service.get("owner", "/v1/logs/trades?limit=10")["trades"]
    told = [(log["side"], log["qty"], log["target_price"], log["notes"], log["source"]) for log in logs]
    assert sorted(told, key=str) == [
        ("BUY", 1, 17_915.0, "from my notebook", "cli"),
        ("SELL", 2, None, "", "cli"),
    ]
    assert asked("AAPL", "BUY", "1", "100", "90", "", "", moment) != 0


def test_the_words_of_make_ask_the_running_service(service: Service, served: int, tmp_path: Path) -> None:
    here = {"TIDEMILL_URL": f"http://127.0.0.1:{served}", "TIDEMILL_TOKEN": service.tokens["owner"]}
    routes = make(tmp_path, "routes", **here)
    assert routes.returncode == 0 and re.search(r"^POST +/v1/orders +trader$", routes.stdout, re.MULTILINE), routes
    with hosted(service):
        done = make(tmp_path, "full-check", **here)
    assert done.returncode == 0, done
    assert '"status": ' in done.stdout and "/v1/orders" in done.stdout and "201 POST /v1/orders" in done.stdout
    nobody = make(tmp_path, "health")
    assert nobody.returncode != 0 and "make run-api" in nobody.stderr
