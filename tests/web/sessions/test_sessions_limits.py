"""Settings that are changed while a session is at work: which bind at once, and which wait."""

from __future__ import annotations

from typing import Any

import pytest
from hosting import ALWAYS, hosted, until
from installation import Service

from tidemill.runtime.guard.faces import SessionLimits
from tidemill.runtime.guard.relimits import face_limits
from tidemill.services.faces.session_settings import (
    SessionSettings,
    limits_word,
    merged_settings,
    waiting_settings,
)


@pytest.mark.parametrize(
    ("changes", "waiting"),
    [
        ({"max_open_positions": 3, "daily_loss_limit_absolute": 50.0}, []),
        ({"max_open_positions": 30}, ["max_open_positions"]),
        ({"max_position_size_percentage": 30.0, "stop_loss_percentage": 2.0}, None),
        ({"trading_hours_start": "10:00", "trading_days": ["MON"]}, []),
        ({"trading_hours_start": "08:00"}, ["trading_hours_start"]),
        ({"extended_hours": True}, ["extended_hours"]),
        ({"enable_oco_orders": True}, []),
    ],
)
def test_a_change_binds_at_once_where_it_is_a_tighter_limit(changes: dict[str, Any], waiting: list[str] | None) -> None:
    found = waiting_settings(SessionSettings(), merged_settings(SessionSettings(), changes))
    assert sorted(found) == sorted(changes if waiting is None else waiting)


def test_the_word_for_a_run_says_the_limits_of_the_settings() -> None:
    settings = merged_settings(SessionSettings(), {"daily_loss_limit_absolute": 70.0, "trading_days": ["TUE"]})
    assert face_limits(limits_word(settings)) == settings.limits().limits()
    assert face_limits({"face": "session"}) == SessionLimits().limits()


def test_a_session_at_work_says_which_settings_wait(service: Service) -> None:
    with hosted(service):
        body = {"symbols": ["BTCUSD"], "strategy": "meanReversion", "settings": ALWAYS}
        number = service.post("trader", "/v1/sessions/start", body, 201)["sessionId"]
        until(
            lambda: service.get("trader", f"/v1/sessions/{number}")["run_id"] and service.get("trader", "/v1/runs"),
            lambda found: found["runs"][0]["status"] == "RUNNING",
        )
        path = f"/v1/sessions/{number}/settings"
        tighter = service.ask("trader", "PATCH", path, 200, json={"max_open_positions": 2})
        assert (tighter["is_in_force"], tighter["waiting"]) == (True, [])
        kept = service.parts.database.store.guard()
        assert any(row.scope.startswith("limits:") and '"max_open_positions":2' in row.reason for row in kept)
        other = service.ask("trader", "PATCH", path, 200, json={"stop_loss_percentage": 3.0})
        assert (other["is_in_force"], other["waiting"]) == (False, ["stop_loss_percentage"])
