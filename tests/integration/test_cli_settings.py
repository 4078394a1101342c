"""Every flag reaches its setting, and every value survives the way through a TOML file."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tidemill.cli.config import values_of
from tidemill.cli.config_text import nested, toml_text
from tidemill.cli.flags import FLAGS
from tidemill.cli.request import request_of, run_settings, strategy_settings
from tidemill.model.enums import FillTiming, OrderType, PathRule, Rebalance, Sizing, Slippage, TimeInForce
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import AssetClass
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.services.reading import instrument_for

# flag -> value as given, path of the setting, value expected
SETTINGS: list[tuple[str, Any, str, Any]] = [
    ("cash", 5000.0, "cash", 5000.0),
    ("leverage", 2.0, "leverage", 2.0),
    ("currency", "EUR", "currency", "EUR"),
    ("seed", 11, "seed", 11),
    ("sizing", "fixed:2", "settings.size_value", 2.0),
    ("sizing", "fixed_amount:5000", "settings.sizing", Sizing.FIXED_AMOUNT),
    ("sizing", "risk:1", "settings.sizing", Sizing.RISK_PERCENT),
    ("sizing", "kelly:0.5", "settings.sizing", Sizing.KELLY),
    ("sizing", "equal", "settings.sizing", Sizing.EQUAL_WEIGHT),
    ("sizing", "percent:10%", "settings.size_value", 10.0),
    ("allow_short", True, "settings.allow_short", True),
    ("pyramiding", 3, "settings.pyramiding", 3),
    ("order_type", "StopLimit", "settings.entry_type", OrderType.STOP_LIMIT),
    ("tif", "ioc", "settings.entry_tif", TimeInForce.IOC),
    ("limit_offset", "-0.5", "settings.limit_offset_pct", -0.5),
    ("stop_loss", "2%", "settings.stop_loss_pct", 2.0),
    ("take_profit", "4", "settings.take_profit_pct", 4.0),
    ("trailing_stop", "2", "settings.trailing_stop_pct", 2.0),
    ("trailing_stop", "1.5pt", "settings.trailing_stop_amount", 1.5),
    ("max_position", "25", "settings.max_position_pct", 25.0),
    ("max_open_positions", 4, "settings.max_open_positions", 4),
    ("max_trades_per_day", 5, "settings.max_trades_per_day", 5),
    ("min_confidence", 75, "settings.min_confidence", 75.0),
    ("daily_loss", "2%", "settings.daily_loss_pct", 2.0),
    ("daily_loss", "500", "settings.daily_loss_amount", 500.0),
    ("daily_loss_flatten", True, "settings.daily_loss_flatten", True),
    ("window", "09:30-16:00", "settings.window", "09:30-16:00"),
    ("window_zone", "UTC", "settings.window_zone", "UTC"),
    ("days", "MON-FRI", "settings.window_days", ("MON", "TUE", "WED", "THU", "FRI")),
    ("days", "wed,MON", "settings.window_days", ("MON", "WED")),
    ("days", "SAT-MON", "settings.window_days", ("MON", "SAT", "SUN")),
    ("extended_hours", False, "settings.extended_hours", False),
    ("rebalance", "weekly", "settings.rebalance", Rebalance.WEEKLY),
    ("max_bars", 9, "settings.max_bars_held", 9),
    ("flat_before_close", 15.0, "settings.flat_before_close_min", 15.0),
    ("warmup", 50, "settings.warmup_bars", 50),
    ("check_interval", 300, "settings.check_interval_s", 300),
    ("gate", True, "settings.gate", True),
    ("gate_ttl", 20.0, "settings.gate_ttl_s", 20.0),
    ("commission_percent", "0.05", "costs.commission_pct", 0.05),
    ("commission_per_share", 0.005, "costs.commission_per_unit", 0.005),
    ("commission_minimum", 1.0, "costs.commission_minimum", 1.0),
    ("slippage", "fixed:0.01", "costs.slippage_value", 0.01),
    ("slippage", "proportional:0.05", "costs.slippage", Slippage.PROPORTIONAL),
    ("slippage", "half_spread:0.02", "costs.slippage", Slippage.HALF_SPREAD),
    ("slippage", "none", "costs.slippage", Slippage.NONE),
    ("fill_timing", "same_close", "fills.timing", FillTiming.SAME_CLOSE),
    ("path_rule", "worst", "fills.path", PathRule.WORST),
    ("limit_through", True, "fills.limit_through", True),
    ("volume_cap", "10%", "fills.volume_cap_ratio", 0.1),
    ("volume_cap", "0.25", "fills.volume_cap_ratio", 0.25),
    ("partial_fills", False, "fills.allow_partial", False),
    ("latency", "200ms", "fills.latency_ms", 200.0),
    ("latency", "1.5s", "fills.latency_ms", 1500.0),
    ("latency", "250", "fills.latency_ms", 250.0),
]
# flags that are no setting -> value as given, field of the request, value expected
REQUEST: list[tuple[str, Any, str, Any]] = [
    ("data", ["a.csv", "b.csv"], "data", ["a.csv", "b.csv"]),
    ("symbol", ["AIG"], "symbols", ["AIG"]),
    ("interval", "1min", "interval", "1min"),
    ("map", {"close": "Last"}, "mapping", {"close": "Last"}),
    ("zone", "UTC", "zone", "UTC"),
    ("start", "2024-01-02", "start", "2024-01-02"),
    ("end", "2024-01-31", "end", "2024-01-31"),
    ("sort", True, "sort", True),
    ("resolution", "minute", "resolution", "minute"),
    ("market", "usa", "market", "usa"),
    ("actions", "actions.csv", "actions", "actions.csv"),
    ("tick_size", 0.25, "overrides", {"tick_size": 0.25}),
    ("lot_size", 0.1, "overrides", {"lot_size": 0.1}),
    ("multiplier", 20.0, "overrides", {"multiplier": 20.0}),
    ("margin", 500.0, "overrides", {"margin": 500.0}),
    ("asset_class", "future", "overrides", {"asset_class": AssetClass.FUTURE}),
    ("calendar", "24/7", "overrides", {"calendar": "24/7"}),
    ("sector", "technology", "overrides", {"sector": "technology"}),
    ("form", "callback", "form", "callback"),
    ("prefix_check", False, "check_prefix", False),
    ("count", False, "count_trial", False),
    ("quarantine", "aside.csv", "quarantine", "aside.csv"),
]
ELSEWHERE = {"set", "session_defaults", "json", "report", "tables", "tables_format"}
NEEDED = {"strategies": [{"strategy": "buy_and_hold"}], "data": ["x.csv"]}


def reach(item: Any, path: str) -> Any:
    for name in path.split("."):
        item = getattr(item, name)
    return item


@pytest.mark.parametrize(("flag", "given", "path", "expected"), SETTINGS)
def test_a_flag_reaches_its_setting(flag: str, given: Any, path: str, expected: Any) -> None:
    assert reach(run_settings({flag: given}), path) == pytest.approx(expected)


@pytest.mark.parametrize(("flag", "given", "field", "expected"), REQUEST)
def test_a_flag_reaches_the_request(flag: str, given: Any, field: str, expected: Any) -> None:
    assert getattr(request_of({**NEEDED, flag: given}), field) == expected


def test_every_flag_is_tested_here() -> None:
    tested = {item[0] for item in (*SETTINGS, *REQUEST)} | ELSEWHERE
    assert {flag.variable for flag in FLAGS} == tested


def test_nothing_given_is_no_window_and_no_limit() -> None:
    assert run_settings({}) == RunSettings()
    assert request_of(NEEDED).run == RunSettings()


def test_session_defaults_are_the_start_and_flags_change_them() -> None:
    assert strategy_settings({"session_defaults": True}) == StrategySettings.session_defaults()
    changed = strategy_settings({"session_defaults": True, "max_open_positions": 3, "window": ""})
    assert (changed.max_open_positions, changed.window, changed.max_position_pct) == (3, "", 25.0)


@pytest.mark.parametrize(("flag", "given"), [item[:2] for item in (*SETTINGS, *REQUEST, ("set", {"fast_window": 10}))])
def test_a_value_survives_the_toml_file(flag: str, given: Any) -> None:
    alone = {"strategies": [{"strategy": "buy_and_hold"}]}
    values = {**alone, flag: given}
    written = nested(values)
    kept = {} if flag == "quarantine" else {flag: given}  # where files go is said anew
    assert values_of(tomllib.loads(toml_text(written))) == {**alone, **kept}


@pytest.mark.parametrize("text", ['quo"te', "back\\slash", "new\nline", "Ünïcode", "tab\t"])
def test_any_text_survives_the_toml_file(text: str) -> None:
    tables = {"strategy": text, "data": {"files": [text], "map": {text: text}}}
    assert tomllib.loads(toml_text(tables)) == tables


def test_a_calendar_brings_its_zone_and_trading_day() -> None:
    future = instrument_for("NQ", {})
    assert instrument_for("AIG", {"calendar": "CME"}).day_roll_minutes == future.day_roll_minutes
    assert instrument_for("AIG", {"calendar": "24/7"}).zone == "UTC"
    assert instrument_for("AIG", {"asset_class": AssetClass.CRYPTO}).calendar == "24/7"
    assert instrument_for("NQ", {"asset_class": AssetClass.FUTURE}) == future


def test_a_sector_is_one_for_all_or_named_by_symbol() -> None:
    assert instrument_for("AAPL", {}).sector == ""
    assert instrument_for("AAPL", {"sector": "technology"}).sector == "technology"
    pairs = {"sector": "AAPL=technology, XOM = energy"}
    assert [instrument_for(name, pairs).sector for name in ("AAPL", "XOM", "BAC")] == ["technology", "energy", ""]
    for text in ("AAPL=technology,XOM", "=energy", "AAPL="):
        with pytest.raises(ConfigError, match="names no sector"):
            instrument_for("AAPL", {"sector": text})


def test_parameters_reach_their_strategy() -> None:
    request = request_of({**NEEDED, "set": {"fast_window": "10"}})
    assert [item.params for item in request.strategies] == [{"fast_window": "10"}]
    two = {
        **NEEDED,
        "strategies": [{"strategy": "momentum", "params": {"rsi_window": 5}}, {"strategy": "own/odd.py:Odd"}],
    }
    request = request_of({**two, "set": {"momentum.rsi_low": "20", "Odd.size": "3"}})
    assert [item.params for item in request.strategies] == [{"rsi_window": 5, "rsi_low": "20"}, {"size": "3"}]


def test_settings_of_a_strategy_go_over_those_of_the_run() -> None:
    own = {"strategy": "momentum", "settings": {"stop_loss": "1"}, "symbols": ["A"], "interval": "5min"}
    values = {**NEEDED, "stop_loss": "3", "take_profit": "9", "strategies": [own, {"strategy": "breakout"}]}
    request = request_of(values)
    first, second = request.strategies
    assert first.settings is not None and second.settings is None
    assert (first.settings.stop_loss_pct, first.settings.take_profit_pct) == (1.0, 9.0)
    assert (first.symbols, first.interval) == (["A"], "5min")
    assert request.run.settings.stop_loss_pct == 3.0
    assert values_of(tomllib.loads(toml_text(nested(values)))) == {**values, "data": ["x.csv"]}
