"""From values by flag to what is run: settings, costs, fill rules, instruments, data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidemill.cli import options
from tidemill.cli.config_text import nested
from tidemill.model.enums import FillTiming, OrderType, PathRule, Rebalance, TimeInForce
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.instrument import AssetClass
from tidemill.model.parsing import parse_enum
from tidemill.model.settings import Costs, FillRules, RunSettings, StrategySettings
from tidemill.services.backtests import BacktestRequest
from tidemill.services.entries import StrategyRequest

__all__ = ["FORMS", "request_of", "run_settings", "strategy_settings"]

FORMS = ("auto", "compiled", "interpreted", "callback")

# flag -> field, where the value is taken as it is
_PLAIN = {
    "allow_short": "allow_short",
    "pyramiding": "pyramiding",
    "max_open_positions": "max_open_positions",
    "max_trades_per_day": "max_trades_per_day",
    "min_confidence": "min_confidence",
    "daily_loss_flatten": "daily_loss_flatten",
    "window": "window",
    "window_zone": "window_zone",
    "extended_hours": "extended_hours",
    "max_bars": "max_bars_held",
    "flat_before_close": "flat_before_close_min",
    "warmup": "warmup_bars",
    "check_interval": "check_interval_s",
    "gate": "gate",
    "gate_ttl": "gate_ttl_s",
}
_PERCENTS = {
    "limit_offset": "limit_offset_pct",
    "stop_loss": "stop_loss_pct",
    "take_profit": "take_profit_pct",
    "max_position": "max_position_pct",
}
_ENUMS: dict[str, tuple[str, type[Any]]] = {
    "order_type": ("entry_type", OrderType),
    "tif": ("entry_tif", TimeInForce),
    "rebalance": ("rebalance", Rebalance),
}
_DATA_FILES = (".csv", ".parquet", ".pq", ".zip", ".gz", ".txt")
_INSTRUMENT = ("tick_size", "lot_size", "multiplier", "margin", "calendar", "sector")


def strategy_settings(values: Mapping[str, Any]) -> StrategySettings:
    """Return the strategy's settings; without flags there is no window and no cap.

    Raises:
        ConfigError: a value cannot be read or lies out of bounds.
    """
    base = StrategySettings.session_defaults() if values.get("session_defaults") else StrategySettings()
    chosen: dict[str, Any] = {field: values[flag] for flag, field in _PLAIN.items() if flag in values}
    for flag, field in _PERCENTS.items():
        if flag in values:
            chosen[field] = options.parse_percent(values[flag], flag.replace("_", "-"))
    for flag, (field, kind) in _ENUMS.items():
        if flag in values:
            chosen[field] = parse_enum(kind, values[flag], f"--{flag.replace('_', '-')}")
    if "sizing" in values:
        chosen["sizing"], chosen["size_value"] = options.parse_sizing(values["sizing"])
    if "trailing_stop" in values:
        percent, points = options.parse_trailing(values["trailing_stop"])
        chosen["trailing_stop_pct"], chosen["trailing_stop_amount"] = percent, points
    if "daily_loss" in values:
        chosen["daily_loss_pct"], chosen["daily_loss_amount"] = options.parse_loss(values["daily_loss"])
    if "days" in values:
        chosen["window_days"] = options.parse_days(values["days"])
    return replace(base, **chosen)


def _costs(values: Mapping[str, Any]) -> Costs:
    chosen: dict[str, Any] = {}
    if "slippage" in values:
        chosen["slippage"], chosen["slippage_value"] = options.parse_slippage(values["slippage"])
    if "commission_percent" in values:
        chosen["commission_pct"] = options.parse_percent(values["commission_percent"], "commission-percent")
    if "commission_per_share" in values:
        chosen["commission_per_unit"] = values["commission_per_share"]
    if "commission_minimum" in values:
        chosen["commission_minimum"] = values["commission_minimum"]
    return Costs(**chosen)


def _fills(values: Mapping[str, Any]) -> FillRules:
    chosen: dict[str, Any] = {}
    if "fill_timing" in values:
        chosen["timing"] = parse_enum(FillTiming, values["fill_timing"], "--fill-timing")
    if "path_rule" in values:
        chosen["path"] = parse_enum(PathRule, values["path_rule"], "--path-rule")
    if "limit_through" in values:
        chosen["limit_through"] = values["limit_through"]
    if "volume_cap" in values:
        chosen["volume_cap_ratio"] = options.parse_ratio(values["volume_cap"], "volume-cap")
    if "partial_fills" in values:
        chosen["allow_partial"] = values["partial_fills"]
    if "latency" in values:
        chosen["latency_ms"] = options.parse_latency(values["latency"])
    return FillRules(**chosen)


def run_settings(values: Mapping[str, Any]) -> RunSettings:
    """Return account, settings, costs, fill rules and seed.

    Raises:
        ConfigError: a value cannot be read or lies out of bounds.
    """
    account = {name: values[name] for name in ("cash", "leverage", "currency", "seed") if name in values}
    return RunSettings(settings=strategy_settings(values), costs=_costs(values), fills=_fills(values), **account)


def _overrides(values: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: values[name] for name in _INSTRUMENT if name in values}
    if "asset_class" in values:
        name = str(values["asset_class"]).lower()
        if name not in list(AssetClass):
            raise UnknownName("asset class", name, [str(item) for item in AssetClass])
        chosen["asset_class"] = AssetClass(name)
    return chosen


def _entries(values: Mapping[str, Any]) -> list[StrategyRequest]:
    """Return the strategies of a run; settings of the run hold for each of them, its own go over them."""
    entries = values["strategies"]
    for entry in entries:
        if entry["strategy"].lower().endswith(_DATA_FILES):
            raise ConfigError(f"{entry['strategy']} is data, no strategy; write --data before each file.")
    params = _params(entries, values.get("set", {}))
    return [
        StrategyRequest(
            entry["strategy"],
            params[number],
            strategy_settings({**values, **entry["settings"]}) if entry.get("settings") else None,
            entry.get("symbols", ()),
            entry.get("interval"),
        )
        for number, entry in enumerate(entries)
    ]


def _params(entries: Sequence[Mapping[str, Any]], pairs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Share parameters out: with several strategies each is written ``strategy.parameter``."""
    params = [dict(entry.get("params", {})) for entry in entries]
    names = [_short(entry["strategy"]) for entry in entries]
    for key, value in pairs.items():
        name, dot, parameter = key.rpartition(".")
        if not dot and len(entries) == 1:
            params[0][key] = value
            continue
        if not dot:
            raise ConfigError(f"--set {key} says not for which strategy; write for example --set {names[0]}.{key}=10.")
        if name not in names:
            raise UnknownName("strategy in this run", name, names)
        if names.count(name) > 1:
            raise ConfigError(f"{name} takes part more than once; set {parameter} in its [[strategies]] table instead.")
        params[names.index(name)][parameter] = value
    return params


def _short(strategy: str) -> str:
    """Return how parameters name a strategy: a file's class or stem, else its own name."""
    path, _, kind = strategy.partition(".py:")
    return kind or Path(path).name.removesuffix(".py")


def request_of(values: Mapping[str, Any], *, command: str = "") -> BacktestRequest:
    """Return the request of a backtest.

    Args:
        values: what was set, by flag, the configuration file already merged in.
        command: what reproduces the run.

    Raises:
        ConfigError: something needed is missing, or a value cannot be used.
    """
    if not values.get("strategies"):
        raise ConfigError("Name a strategy, for example moving_average_crossover; `tidemill strategies` lists them.")
    if not values.get("data"):
        raise ConfigError("Name the data, for example --data AAPL.csv; `tidemill demo` runs without.")
    form = str(values.get("form", "auto"))
    if form not in FORMS:
        raise UnknownName("form", form, FORMS)
    return BacktestRequest(
        _entries(values),
        values["data"],
        values.get("symbol", ()),
        values.get("interval"),
        values.get("map"),
        values.get("zone"),
        values.get("start"),
        values.get("end"),
        bool(values.get("sort")),
        run=run_settings(values),
        actions=values.get("actions"),
        resolution=values.get("resolution"),
        market=values.get("market"),
        overrides=_overrides(values),
        quarantine=values.get("quarantine"),
        form=form,
        check_prefix=values.get("prefix_check", True),
        count_trial=values.get("count", True),
        command=command,
        inputs=nested(values),
    )
