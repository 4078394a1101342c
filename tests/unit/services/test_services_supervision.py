"""Whom a stack accuses, and what a log line never shows."""

from __future__ import annotations

import io
import json
import logging

import pytest

from tidemill.bootstrap.server_log import ServerLog
from tidemill.model.agent import AgentSpec, StrategyUse
from tidemill.services.engine_jobs import blame
from tidemill.services.logs import Log, redact

OWN = 'Current thread 0x1 (most recent call first):\n  File "/a/slow.py", line 9 in step\n'
CORE = 'Current thread 0x1 (most recent call first):\n  File "/x/tidemill/engine/engine.py", line 79 in feed\n'
LOOP = 'Current thread 0x1 (most recent call first):\n  File "/lib/selectors.py", line 4 in select\n'


def spec(*strategies: str) -> AgentSpec:
    return AgentSpec("a", tuple(StrategyUse(name) for name in strategies))


@pytest.mark.parametrize(
    ("stack", "accused"),
    [
        (OWN + CORE, ["Slow"]),
        (CORE, ["Slow", "Momentum"]),  # compiled code tells no more
        (LOOP, []),
        ("", []),  # stopped from outside: nobody's fault
        ('  File "/a/other.py", line 1 in step\n' + LOOP, []),
    ],
)
def test_a_stack_accuses_the_strategy_at_work(stack: str, accused: list[str]) -> None:
    assert blame(stack, spec("/a/slow.py:Slow", "momentum"), ["Slow", "Momentum"]) == accused


SECRETS = (
    "postgresql://ann:hunter2@host/db",
    "Authorization: Bearer abc.def-ghi",
    "https://api.telegram.org/bot123456:AAhunter2/send",
    "https://x.test/q?symbol=SPY&apikey=hunter2&n=1",
    "eyJhbGciOi.eyJzdWIi.hunter2",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_blacked_out_by_what_they_look_like(secret: str) -> None:
    shown = redact({"text": secret, "list": [secret]})
    assert "***" in shown["text"]
    assert "hunter2" not in json.dumps(shown)
    assert "abc.def" not in json.dumps(shown)


def test_secrets_are_blacked_out_by_name_and_nothing_else_is() -> None:
    values = {"api_key": "x", "Password": {"a": 1}, "refresh_token": "y", "symbol": "SPY", "price": 1.5, "none": None}
    assert redact(values) == {
        "api_key": "***",
        "Password": "***",
        "refresh_token": "***",
        "symbol": "SPY",
        "price": 1.5,
        "none": None,
    }


@pytest.mark.parametrize(
    ("level", "told"),
    [("DEBUG", 3), ("INFO", 3), ("warning", 2), ("ERROR", 1), ("CRITICAL", 0), ("nonsense", 3), ("", 3)],
)
def test_a_level_decides_what_is_written(level: str, told: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said, named = io.StringIO(), io.StringIO()
    monkeypatch.setenv("TIDEMILL_LOG_LEVEL", level)
    for log in (Log(said), Log(named, level=level or "INFO")):
        log("started")
        log.warning("late")
        log.error("failed")
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    wanted = [("started", "INFO"), ("late", "WARNING"), ("failed", "ERROR")]
    assert [(line["event"], line["level"]) for line in lines] == wanted[3 - told :]
    assert len(named.getvalue().splitlines()) == told


def test_the_server_is_heard_from_the_level_that_is_asked_for() -> None:
    found = {}
    for level in ("DEBUG", "INFO", "ERROR"):
        stream = io.StringIO()
        handler = ServerLog(Log(stream, level=level))
        for number in (logging.INFO, logging.WARNING, logging.ERROR):
            if number >= handler.level:
                handler.handle(logging.LogRecord("uvicorn", number, "", 0, "%s", ("token=abc",), None))
        found[level] = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]
    assert found == {"DEBUG": ["INFO", "WARNING", "ERROR"], "INFO": ["WARNING", "ERROR"], "ERROR": ["ERROR"]}


def test_a_line_is_json_and_a_full_disk_loses_only_the_line() -> None:
    stream = io.StringIO()
    Log(stream, process="up")("died", child="a\x1b[31m", code=-9)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["process"], line["child"], line["code"]) == ("died", "up", "a\x1b[31m", -9)
    stream.close()
    Log(stream)("lost")
