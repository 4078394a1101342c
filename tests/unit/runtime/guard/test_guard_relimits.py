"""Limits of any face that change while a run goes on, as a word carries them and the guard table keeps them."""

from __future__ import annotations

import json

import pytest

from tidemill.model.errors import ConfigError, StoreError, UnknownName
from tidemill.runtime.guard.faces import AgentLimits, LiveStrategyLimits, SessionLimits
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.limits import Window, combine
from tidemill.runtime.guard.relimits import face_limits, limits_row, newest_limits


def test_each_face_changes_its_own_scope() -> None:
    assert face_limits({"face": "agent", "max_position_usd": 500.0}) == AgentLimits(500.0).limits()
    live = {"face": "strategy", "max_position_usd": 900.0, "max_positions": 3, "daily_loss_limit_usd": 50.0}
    assert face_limits(live) == LiveStrategyLimits(900.0, 3, 50.0).limits()
    window = {"hours": "10:00-11:00", "zone": "", "days": ["MON"]}
    told = face_limits({"face": "session", "daily_loss_usd": 70.0, "window": window})
    assert told == SessionLimits(daily_loss_usd=70.0, window=Window("10:00-11:00", "", ("MON",))).limits()
    assert face_limits({"max_contracts": 2}).scope is Scope.GUARDRAIL


def test_what_is_no_limit_is_refused() -> None:
    with pytest.raises(UnknownName):
        face_limits({"face": "boss"})
    with pytest.raises(UnknownName):
        face_limits({"face": "agent", "max_contracts": 2})
    with pytest.raises(ConfigError):
        face_limits({"face": "agent", "max_position_usd": -1.0})


def test_a_later_process_begins_with_the_changed_limits() -> None:
    text = json.dumps({"face": "agent", "max_position_usd": 500.0})
    rows = [limits_row("other", "{}", "ann", 1), limits_row("mine", text, "ann", 2)]
    assert newest_limits(rows, "mine") == AgentLimits(500.0).limits()
    assert newest_limits(rows, "nobody") is None
    with pytest.raises(StoreError):
        newest_limits([limits_row("mine", '{"face": "boss"}', "ann", 3)], "mine")


def test_needing_a_confidence_is_the_tighter_choice() -> None:
    strict, lenient = AgentLimits().limits(), AgentLimits(confidence_needed=False).limits()
    assert combine(strict, lenient).confidence_needed
    assert not combine(lenient, lenient).confidence_needed
