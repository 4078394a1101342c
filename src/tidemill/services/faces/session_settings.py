"""The settings of a trading session, by their documented names, and what each means to the core and the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tidemill.model.enums import OrderType, Rebalance, Sizing, Slippage, TimeInForce
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.parsing import parse_enum
from tidemill.model.settings import DAYS, Costs, FillRules, StrategySettings
from tidemill.runtime.guard.faces import SessionLimits
from tidemill.runtime.guard.limits import Window
from tidemill.services.fleet.naming import plain_name

__all__ = ["SessionSettings", "limits_word", "merged_settings", "waiting_settings"]

_SIZING = {
    "fixed": Sizing.FIXED,
    "percentage": Sizing.PERCENT,
    "kelly": Sizing.KELLY,
    "equal_weight": Sizing.EQUAL_WEIGHT,
}
# Limits that the guard asks with, and takes while a session is at work; the core asks with those it began with, so
# such a change binds at once where it is tighter.
_FLOORS = (
    "max_position_size_percentage",
    "max_open_positions",
    "daily_loss_limit_percentage",
    "daily_loss_limit_absolute",
)
_TOLD_ONLY = frozenset({"enable_bracket_orders", "enable_oco_orders"})
_SPELLINGS = {
    "stoplosspercent": "stop_loss_percentage",
    "takeprofitpercent": "take_profit_percentage",
    "dailylosslimitusd": "daily_loss_limit_absolute",
    "dailylosslimitamount": "daily_loss_limit_absolute",
    "timezone": "trading_hours_zone",
    "partialfills": "allow_partial_fills",
}


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Risk, orders, positions and hours of a session. Percentages are 0 to 100; None: no such limit.

    Args:
        stop_loss_percentage, take_profit_percentage, trailing_stop_percentage: from the entry.
        enable_trailing_stop: whether the trailing stop is at work.
        max_position_size_percentage: of equity. max_open_positions: count.
        daily_loss_limit_percentage, daily_loss_limit_absolute: percent of equity, USD.
        order_type_default: market, limit, stop, stop_limit, trailing_stop.
        time_in_force: day, gtc, ioc, fok, opg, cls.
        slippage_model, slippage_value: none, fixed (points) or proportional (percent).
        commission_rate: percent of the value. allow_partial_fills: else all or none.
        limit_price_offset_percentage: of limit entries.
        enable_bracket_orders, enable_oco_orders: protective orders are always one cancelling the other here; told only.
        position_sizing_method, position_size_value: fixed (shares), percentage (of equity), kelly (fraction),
            equal_weight. rebalance_frequency: never, daily, weekly, on_signal.
        trading_hours_start, trading_hours_end, trading_days, trading_hours_zone: hours of entries, and whose clock.
        extended_hours: entries outside the regular session.
    """

    stop_loss_percentage: float | None = None
    take_profit_percentage: float | None = None
    enable_trailing_stop: bool = False
    trailing_stop_percentage: float | None = None
    max_position_size_percentage: float = 25.0
    max_open_positions: int = 10
    daily_loss_limit_percentage: float | None = None
    daily_loss_limit_absolute: float | None = None
    order_type_default: str = "market"
    time_in_force: str = "day"
    slippage_model: str = "none"
    slippage_value: float = 0.0
    commission_rate: float = 0.0
    allow_partial_fills: bool = True
    limit_price_offset_percentage: float | None = None
    enable_bracket_orders: bool = False
    enable_oco_orders: bool = False
    position_sizing_method: str = "percentage"
    position_size_value: float = 10.0
    rebalance_frequency: str = "never"
    trading_hours_start: str = "09:30"
    trading_hours_end: str = "16:00"
    trading_days: tuple[str, ...] = DAYS[:5]
    trading_hours_zone: str = "America/New_York"
    extended_hours: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "trading_days", tuple(str(day).upper()[:3] for day in self.trading_days))
        if self.position_sizing_method not in _SIZING:
            raise UnknownName("position sizing method", str(self.position_sizing_method)[:40], _SIZING)
        if self.slippage_model == "half_spread":
            raise ConfigError("slippage_model is none, fixed or proportional.")
        self.strategy()
        self.costs()
        self.limits()

    def values(self) -> dict[str, Any]:
        """Return them as plain values."""
        return {**asdict(self), "trading_days": list(self.trading_days)}

    def _hours(self) -> str:
        return f"{self.trading_hours_start}-{self.trading_hours_end}"

    def strategy(self) -> StrategySettings:
        """Return what the core asks with; hours and loss limits are the guard's."""
        trailing = self.trailing_stop_percentage or 0.0
        return StrategySettings(
            sizing=_SIZING[self.position_sizing_method],
            size_value=self.position_size_value,
            entry_type=parse_enum(OrderType, self.order_type_default, "order_type_default"),
            entry_tif=parse_enum(TimeInForce, self.time_in_force, "time_in_force"),
            limit_offset_pct=self.limit_price_offset_percentage or 0.0,
            stop_loss_pct=self.stop_loss_percentage or 0.0,
            take_profit_pct=self.take_profit_percentage or 0.0,
            trailing_stop_pct=trailing if self.enable_trailing_stop else 0.0,
            max_position_pct=self.max_position_size_percentage,
            max_open_positions=self.max_open_positions,
            daily_loss_pct=self.daily_loss_limit_percentage or 0.0,
            daily_loss_amount=self.daily_loss_limit_absolute or 0.0,
            window=self._hours(),
            window_zone=self.trading_hours_zone,
            window_days=self.trading_days,
            extended_hours=self.extended_hours,
            rebalance=parse_enum(Rebalance, self.rebalance_frequency, "rebalance_frequency"),
        )

    def costs(self) -> Costs:
        """Return what trading costs."""
        model = parse_enum(Slippage, self.slippage_model, "slippage_model")
        return Costs(model, self.slippage_value, commission_pct=self.commission_rate)

    def fills(self) -> FillRules:
        """Return how orders fill."""
        return FillRules(allow_partial=self.allow_partial_fills)

    def limits(self) -> SessionLimits:
        """Return what the guard asks with."""
        return SessionLimits(
            self.max_position_size_percentage,
            self.max_open_positions,
            self.daily_loss_limit_percentage,
            self.daily_loss_limit_absolute,
            Window(self._hours(), self.trading_hours_zone, self.trading_days),
            self.extended_hours,
        )


def merged_settings(old: SessionSettings, changes: Mapping[str, Any]) -> SessionSettings:
    """Return settings with some replaced, checked as a whole; any usual spelling of a name will do.

    Raises:
        UnknownName: there is no such setting. ConfigError: a value cannot be used.
    """
    kinds = {item.name: str(item.type) for item in fields(SessionSettings)}
    known = {plain_name(name): name for name in kinds}
    values: dict[str, Any] = {}
    for given, value in changes.items():
        plain = plain_name(given)
        name = known.get(plain) or _SPELLINGS.get(plain)
        if name is None:
            raise UnknownName("session setting", given[:80], kinds)
        values[name] = _fitting(name, kinds[name], value)
    return SessionSettings(**{**asdict(old), **values})


def limits_word(settings: SessionSettings) -> dict[str, Any]:
    """Return a session's limits as its run at work is told of them."""
    limits = {name: item for name, item in asdict(settings.limits()).items() if item is not None}
    return {"face": "session", **limits}


def waiting_settings(began: SessionSettings, now: SessionSettings) -> list[str]:
    """Return the settings a session does not go by, or not wholly, because it began with others.

    Args:
        began: as it began. now: as they are written down.
    """
    changed = [item.name for item in fields(now) if getattr(began, item.name) != getattr(now, item.name)]
    return [name for name in changed if name not in _TOLD_ONLY and not _is_tighter(name, began, now)]


def _is_tighter(name: str, began: SessionSettings, now: SessionSettings) -> bool:
    """Tell whether the guard alone can carry a change out: what the core still allows more of is stopped there."""
    old, new = getattr(began, name), getattr(now, name)
    if name in _FLOORS:
        return new is not None and (old is None or new < old)
    if name == "extended_hours":
        return not new
    if name == "trading_days":
        return set(new) <= set(old)
    if name == "trading_hours_start":
        return bool(old < new < now.trading_hours_end) and began.trading_hours_zone == now.trading_hours_zone
    if name == "trading_hours_end":
        return bool(now.trading_hours_start < new < old) and began.trading_hours_zone == now.trading_hours_zone
    return False


def _fitting(name: str, kind: str, value: Any) -> Any:
    """Return a value of a setting's kind.

    Raises:
        ConfigError: it is of another.
    """
    if value is None and "None" in kind:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind.startswith("float") and is_number:
        return float(value)
    if kind == "int" and is_number and value == int(value):
        return int(value)
    if (kind == "bool" and isinstance(value, bool)) or (kind == "str" and isinstance(value, str)):
        return value.strip().lower().replace("-", "_") if isinstance(value, str) and _is_choice(name) else value
    if kind.startswith("tuple") and isinstance(value, list | tuple) and all(isinstance(day, str) for day in value):
        return tuple(value)
    words = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a text"}
    raise ConfigError(f"{name} must be {words.get(kind.partition(' ')[0], 'a list of days')}, not {str(value)[:40]!r}.")


def _is_choice(name: str) -> bool:
    return not name.startswith("trading_hours")
