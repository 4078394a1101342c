"""Guardrails and symbols of hands: every spelling of hours, the profiles, contracts around a day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tidemill.model.errors import ConfigError, TidemillError, UnknownName
from tidemill.runtime.guard.relimits import guardrails, limits_row, newest_limits
from tidemill.services.manual.guardrails import parse_windows, usual_guardrails
from tidemill.services.manual.trade_logs import source_of
from tidemill.services.manual.universe import contracts, is_contract_of, universe
from tidemill.services.settings.loading import load_settings

TODAY = datetime(2025, 9, 12, tzinfo=UTC)
NOW = int(TODAY.timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("said", "windows"),
    [
        (["09:30-16:00"], ("09:30-16:00",)),
        ({"start": "09:30", "end": "16:00"}, ("09:30-16:00",)),
        ([{"start": "06:30", "end": "08:00"}, "08:30-10:00"], ("06:30-08:00", "08:30-10:00")),
        ("06:30-08:00,08:30-10:00", ("06:30-08:00", "08:30-10:00")),
    ],
)
def test_hours_in_every_spelling_of_the_source_trap_22(said: Any, windows: tuple[str, ...]) -> None:
    assert parse_windows(said) == windows


@pytest.mark.parametrize("said", [7, None, [7], {"start": "09:30"}, "", [""]])
def test_what_is_no_window_is_refused(said: Any) -> None:
    with pytest.raises(ConfigError):
        parse_windows(said)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("dev", (10, 10, 500.0, 20.0)), ("prod", (5, 5, 200.0, 10.0)), ("default", (5, 5, 300.0, 10.0))],
)
def test_the_profiles_124(tmp_path: Path, profile: str, expected: tuple[float, ...]) -> None:
    own = usual_guardrails(load_settings(tmp_path, {"APP_ENV": profile}))
    assert (own.max_contracts, own.max_trades_per_day, own.daily_loss_cap_usd, own.position_limit_pct) == expected
    assert own.session_zone == ""  # each exchange's own


def test_hours_and_zone_of_the_environment_go_together_trap_2(tmp_path: Path) -> None:
    environ = {"SESSION_WINDOWS": "06:30-08:00,08:30-10:00", "TZ": "America/Phoenix"}
    own = usual_guardrails(load_settings(tmp_path, environ))
    assert (own.session_windows, own.session_zone) == (("06:30-08:00", "08:30-10:00"), "America/Phoenix")
    assert usual_guardrails(load_settings(tmp_path, {"TZ": "America/Phoenix"})).session_zone == ""  # trap 3


def test_limits_come_back_as_they_were_set(tmp_path: Path) -> None:
    own = usual_guardrails(load_settings(tmp_path, {})).changed({"max_contracts": 2})
    rows = [limits_row("R1", '{"max_contracts": 2}', "ann", 1), limits_row("R2", "{}", "ann", 2)]
    found = newest_limits(rows, "R1")
    assert found is not None
    assert found.max_contracts == guardrails(own.body()).max_contracts == 2
    assert newest_limits(rows, "R3") is None
    for wrong in ('{"no_such": 1}', "{", '{"max_contracts": 0}'):
        with pytest.raises(TidemillError, match="cannot be read"):
            newest_limits([limits_row("R1", wrong, "ann", 1)], "R1")
    with pytest.raises(UnknownName):
        own.changed({"no_such": 1})


def test_contracts_around_a_day() -> None:
    assert contracts("NQ", 1, 2, TODAY) == ("NQM5", "NQU5", "NQZ5", "NQH6")
    usual = universe(NOW)
    assert {"NQZ5", "MNQH6", "ESZ5", "RTYZ5", "YMU5", "AAPL", "SPY"} <= set(usual)
    assert len(usual) <= 100
    assert universe(NOW, ["zzz"], ["es"]) == ("ESM5", "ESU5", "ESZ5", "ESH6", "ZZZ")
    with pytest.raises(ConfigError):
        universe(NOW, [], ["AAPL"])
    assert [is_contract_of(symbol, ["NQ"]) for symbol in ("NQZ5", "nqz25", "NQ", "MNQZ5", "NQX", "AAPL")] == [
        *(True, True, True, False, False, False),
    ]


def test_where_an_order_came_from_154() -> None:
    names = ("Mozilla/5.0", "tidemill-manual-json", "backfill-script", "testclient", "TelegramBot", "curl/8")
    assert [source_of(name) for name in names] == ["ui", "manual_json", "backfill_script", "test", "telegram", "api"]
