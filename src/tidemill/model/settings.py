"""What a user may set for a run, with bounds and units. Percentages are 0-100, ratios 0-1; zero means no limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tidemill.model.enums import (
    CommissionKind,
    FillTiming,
    OrderType,
    PathRule,
    Rebalance,
    Sizing,
    Slippage,
    TimeInForce,
)
from tidemill.model.errors import ConfigError
from tidemill.model.parsing import as_plain, check_bounds, check_interval, parse_window

__all__ = ["DAYS", "Costs", "FillRules", "RunSettings", "StrategySettings"]

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MAX_WINDOWS = 4


@dataclass(slots=True)
class StrategySettings:
    """Size, protection, limits and window of one strategy.

    Args:
        sizing: method; with `size_value` in shares, money, percent, percent at risk or Kelly fraction.
        size_value: 0.5 with Kelly is half Kelly.
        allow_short: whether a sell without a position opens a short one.
        pyramiding: entries allowed per open position.
        entry_type, entry_tif: used when a strategy names none.
        limit_offset_pct: -0.5 buys half a percent below the last price (and sells half a percent above).
        stop_loss_pct, take_profit_pct, trailing_stop_pct: distance from the average entry price, percent.
        trailing_stop_amount: price points.
        max_position_pct: largest value of one position, percent of equity.
        max_open_positions, max_trades_per_day: counts; one trade is one opened position.
        min_confidence: of a signal, 0-100; one that states none is below it. What a person asks for is exempt.
        daily_loss_pct, daily_loss_amount: loss since the start of the trading day that stops entries.
        daily_loss_flatten: also close what is open when that happens.
        window: ``09:30-16:00``, up to four of them with commas between, or empty; any may run overnight.
        window_zone: IANA zone of the window; empty means the exchange's.
        window_days: day names; hours apply to intraday bars only, days always.
        extended_hours: whether entries may be sent outside the regular session.
        rebalance: when an open position is brought back to its target size.
        max_bars_held: close after that many bars.
        flat_before_close_min: close that many minutes before the regular session ends.
        warmup_bars: bars before the first proposal may pass.
        check_interval_s: proposals count only on the bar that is the newest at a look, one look every so many seconds
            of UTC, 60 to 3600; 0: on every bar.
        auto_execute: off gives signals only: what would have been sent is told and written, nothing is sent.
        gate: a gate outside (a model, an analyst, a person) is asked about every entry before it is sent.
        gate_ttl_s: seconds for which the gate's answer is good; a later one is void.
    """

    sizing: Sizing = Sizing.PERCENT
    size_value: float = 10.0
    allow_short: bool = False
    pyramiding: int = 1
    entry_type: OrderType = OrderType.MARKET
    entry_tif: TimeInForce = TimeInForce.GTC
    limit_offset_pct: float = 0.0
    stop_loss_pct: float = 0.0
    take_profit_pct: float = 0.0
    trailing_stop_pct: float = 0.0
    trailing_stop_amount: float = 0.0
    max_position_pct: float = 0.0
    max_open_positions: int = 0
    max_trades_per_day: int = 0
    min_confidence: float = 0.0
    daily_loss_pct: float = 0.0
    daily_loss_amount: float = 0.0
    daily_loss_flatten: bool = False
    window: str = ""
    window_zone: str = ""
    window_days: tuple[str, ...] = DAYS
    extended_hours: bool = True
    rebalance: Rebalance = Rebalance.NEVER
    max_bars_held: int = 0
    flat_before_close_min: float = 0.0
    warmup_bars: int = 0
    check_interval_s: int = 0
    auto_execute: bool = True
    gate: bool = False
    gate_ttl_s: float = 5.0

    def __post_init__(self) -> None:
        for name in ("stop_loss_pct", "trailing_stop_pct", "max_position_pct", "daily_loss_pct"):
            check_bounds(name, getattr(self, name), 0.0, 100.0, "percent")
        check_bounds("take_profit_pct", self.take_profit_pct, 0.0, 10_000.0, "percent")
        check_bounds("min_confidence", self.min_confidence, 0.0, 100.0, "points")
        check_bounds("limit_offset_pct", self.limit_offset_pct, -100.0, 100.0, "percent")
        for name in ("pyramiding",):
            check_bounds(name, getattr(self, name), 1, 1_000, "entries")
        for name in ("max_open_positions", "max_trades_per_day", "max_bars_held", "warmup_bars"):
            check_bounds(name, getattr(self, name), 0, 10_000_000, "")
        for name in ("trailing_stop_amount", "daily_loss_amount", "flat_before_close_min"):
            check_bounds(name, getattr(self, name), 0.0, 1e12, "")
        if not (0 < self.size_value < 1e12):
            raise ConfigError(f"The size must be above zero, not {self.size_value:g}; write for example percent:10.")
        if self.sizing in (Sizing.PERCENT, Sizing.RISK_PERCENT):
            check_bounds("The size", self.size_value, 0.0, 100_000.0, "percent")
        unknown = [day for day in self.window_days if day not in DAYS]
        if unknown or not self.window_days:
            raise ConfigError(f"Unknown weekday {', '.join(unknown) or '(none given)'}; use {', '.join(DAYS)}.")
        check_interval(self.check_interval_s)
        if not (0.001 <= self.gate_ttl_s <= 86_400.0):
            raise ConfigError(f"gate_ttl_s must lie between 0.001 and 86400 seconds, not {self.gate_ttl_s:g}.")
        self.windows()

    def windows(self) -> tuple[tuple[int, int], ...]:
        """Return start and end of each window in minutes after local midnight; none means all hours."""
        parts = self.window.split(",") if self.window.strip() else []
        if len(parts) > MAX_WINDOWS:
            raise ConfigError(f"{len(parts)} windows are too many; write at most {MAX_WINDOWS}, or join neighbours.")
        return tuple(parse_window(part.strip()) for part in parts)

    @classmethod
    def session_defaults(cls) -> StrategySettings:
        """Return the defaults of a trading session: 10 % per position, 25 % at most, ten positions, US cash hours."""
        return cls(
            sizing=Sizing.PERCENT,
            size_value=10.0,
            entry_tif=TimeInForce.DAY,
            max_position_pct=25.0,
            max_open_positions=10,
            window="09:30-16:00",
            window_days=DAYS[:5],
            extended_hours=False,
        )


@dataclass(slots=True)
class Costs:
    """What trading costs.

    Args:
        slippage: model; ``slippage_value`` in points (fixed), percent (proportional), spread in points (half spread).
        commission_per_unit: money per share or contract.
        commission_pct: percent of the notional value.
        commission_minimum: money per order.
    """

    slippage: Slippage = Slippage.NONE
    slippage_value: float = 0.0
    commission_per_unit: float = 0.0
    commission_pct: float = 0.0
    commission_minimum: float = 0.0

    def __post_init__(self) -> None:
        for name in ("slippage_value", "commission_per_unit", "commission_minimum"):
            check_bounds(name, getattr(self, name), 0.0, 1e9, "")
        check_bounds("commission_pct", self.commission_pct, 0.0, 100.0, "percent")
        if self.slippage is Slippage.PROPORTIONAL:
            check_bounds("slippage_value", self.slippage_value, 0.0, 50.0, "percent")
        if self.slippage is not Slippage.NONE and self.slippage_value == 0.0:
            raise ConfigError(f"Slippage {self.slippage.name.lower()} needs a value, for example fixed:0.01.")

    @property
    def commission_kind(self) -> CommissionKind:
        """Return the main kind of commission, for reports."""
        if self.commission_pct:
            return CommissionKind.PERCENT
        return CommissionKind.PER_UNIT if self.commission_per_unit else CommissionKind.NONE


@dataclass(slots=True)
class FillRules:
    """How the simulated exchange fills orders; every rule is printed in the report.

    Args:
        timing: market orders decided on a bar's close fill at the next open, or at that same close.
        path: which of stop and target comes first when one bar touches both.
        limit_through: a limit fills only when the price trades through it, not at a touch.
        volume_cap_ratio: share of a bar's volume that may fill in it; 0 = no cap.
        allow_partial: whether an order may fill in parts; off makes every order all-or-none per bar.
        latency_ms: time from decision to the exchange.
    """

    timing: FillTiming = FillTiming.NEXT_OPEN
    path: PathRule = PathRule.STOP_FIRST
    limit_through: bool = False
    volume_cap_ratio: float = 0.0
    allow_partial: bool = True
    latency_ms: float = 0.0

    def __post_init__(self) -> None:
        check_bounds("volume_cap_ratio", self.volume_cap_ratio, 0.0, 1.0, "(a ratio)")
        check_bounds("latency_ms", self.latency_ms, 0.0, 86_400_000.0, "milliseconds")


@dataclass(slots=True)
class RunSettings:
    """Everything about a run that is neither data nor strategy.

    Args:
        cash: starting cash, account currency.
        leverage: gross value allowed per unit of equity; 1 is a cash account.
        currency: account currency.
        settings: one entry per strategy, or one for all.
        costs, fills: as above.
        seed: of everything random in a run (truncation points of the look-ahead check).
    """

    cash: float = 100_000.0
    leverage: float = 1.0
    currency: str = "USD"
    settings: StrategySettings = field(default_factory=StrategySettings)
    costs: Costs = field(default_factory=Costs)
    fills: FillRules = field(default_factory=FillRules)
    seed: int = 7

    def __post_init__(self) -> None:
        if not (self.cash > 0):
            raise ConfigError(f"Starting cash must be above zero, not {self.cash:g}; set --cash, for example 100000.")
        if not (self.cash <= 1e12):
            raise ConfigError("Starting cash above 10^12 cannot be kept exact to the millionth; use a smaller account.")
        check_bounds("leverage", self.leverage, 0.01, 1_000.0, "")

    def as_dict(self) -> dict[str, Any]:
        """Return all settings as plain values for files and reports."""
        return as_plain(self)
