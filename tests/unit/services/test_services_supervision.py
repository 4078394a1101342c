"""Whom a stack accuses, and what a log line never shows."""

from __future__ import annotations

import io
import json

import pytest

from tidemill.model.agent import AgentSpec, StrategyUse
from tidemill.services.logs import Log, redact
from tidemill.services.supervision import blame

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


def test_a_line_is_json_and_a_full_disk_loses_only_the_line() -> None:
    stream = io.StringIO()
    Log(stream, process="up")("died", child="a\x1b[31m", code=-9)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["process"], line["child"], line["code"]) == ("died", "up", "a\x1b[31m", -9)
    stream.close()
    Log(stream)("lost")
