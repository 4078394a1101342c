"""What an owner allows, by scope. Every number has a unit in its name and bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tidemill.model.errors import ConfigError
from tidemill.model.parsing import parse_minutes
from tidemill.model.settings import DAYS
from tidemill.model.zones import find_zone
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.numbers import finite

__all__ = ["BOUNDS", "Limits", "Window", "combine", "no_limits"]

_MONEY = (0.0, 1e12, "USD")
_PERCENT = (0.0, 100.0, "percent")
# Lowest (exclusive unless the limit may be zero), highest, unit.
BOUNDS: dict[str, tuple[float, float, str]] = {
    "max_order_usd": _MONEY,
    "max_position_usd": _MONEY,
    "max_position_pct": _PERCENT,
    "max_contracts": (0.0, 1e6, "contracts"),
    "max_concurrent_positions": (0.0, 1e5, "positions"),
    "max_exposure_pct": _PERCENT,
    "max_leverage": (0.0, 1e3, "times equity"),
    "max_sector_pct": _PERCENT,
    "max_correlation": (0.0, 1.0, "(a ratio)"),
    "min_confidence": (0.0, 100.0, "points"),
    "max_daily_loss_usd": _MONEY,
    "max_daily_loss_pct": _PERCENT,
    "max_weekly_loss_usd": _MONEY,
    "max_drawdown_pct": _PERCENT,
    "half_size_drawdown_pct": _PERCENT,
    "max_trades_per_day": (0.0, 1e5, "trades"),
    "max_daily_volume_usd": _MONEY,
    "max_losses_in_row": (0.0, 1e4, "trades"),
}
_MAY_BE_ZERO = frozenset({"max_correlation", "min_confidence"})
_FLOORS = frozenset({"min_confidence"})  # the higher number is the tighter one


@dataclass(frozen=True, slots=True)
class Window:
    """Hours in which entries may leave, by the clock of a zone.

    Args:
        hours: ``HH:MM-HH:MM``; the start belongs to it, the end does not; it may run over midnight and then belongs to
            the day it starts on. Empty: all day. Hours say nothing about daily bars, days always count.
        zone: IANA name; empty: the zone of the instrument's exchange.
        days: names, ``MON`` to ``SUN``.
    """

    hours: str = ""
    zone: str = ""
    days: tuple[str, ...] = DAYS

    def __post_init__(self) -> None:
        unknown = [day for day in self.days if day not in DAYS]
        if unknown or not self.days:
            raise ConfigError(f"Unknown weekday {', '.join(unknown) or '(none given)'}; use {', '.join(DAYS)}.")
        if self.zone:
            find_zone(self.zone)
        self.minutes()

    def minutes(self) -> tuple[int, int]:
        """Return start and end in minutes after local midnight; (0, 1440) without hours."""
        if not self.hours:
            return 0, 1440
        start, dash, end = self.hours.partition("-")
        if not dash:
            raise ConfigError(f"{self.hours!r} is no window; write HH:MM-HH:MM, for example 09:30-16:00.")
        first, last = parse_minutes(start), parse_minutes(end)
        if first == last:
            raise ConfigError(f"The window {self.hours!r} is empty; its start and end must differ.")
        return first, last


@dataclass(frozen=True, slots=True)
class Limits:
    """What one scope allows. None is "no limit", written down on purpose; nothing else switches a rule off.

    Args:
        scope: whose positions, equity and counters are measured.
        max_order_usd: value of one order. max_position_usd, max_position_pct: of one position, money and percent of
            equity. Futures and currencies count their margin, and money does not bind them where contracts do.
        max_contracts: units of one futures position.
        max_concurrent_positions: positions, those on their way included.
        max_exposure_pct: value of all positions, percent of equity. max_leverage: notional of all, times equity.
        max_sector_pct: value of one sector, percent of equity.
        max_correlation: exposure-weighted correlation with what is held, 0-1.
        min_confidence: of the signal, 0-100. confidence_needed: whether a signal that states none is below it.
        max_daily_loss_usd, max_daily_loss_pct, max_weekly_loss_usd: lost since the day, the week began.
        max_drawdown_pct: fall from the peak at which entries stop. half_size_drawdown_pct: at which caps are halved.
        max_trades_per_day: positions opened. max_daily_volume_usd: value traded in a day.
        max_losses_in_row: losing trades one after the other.
        windows: hours of entries; empty: always; one of several is enough.
        extended_hours: whether entries may leave outside the regular session.
        auto_halt: a critical violation halts the scope until a named person clears it.
        violation_cooldown_s: the same violation is written down once in so many seconds (it denies every time).
    """

    scope: Scope
    max_order_usd: float | None = None
    max_position_usd: float | None = None
    max_position_pct: float | None = None
    max_contracts: float | None = None
    max_concurrent_positions: int | None = None
    max_exposure_pct: float | None = None
    max_leverage: float | None = None
    max_sector_pct: float | None = None
    max_correlation: float | None = None
    min_confidence: float | None = None
    max_daily_loss_usd: float | None = None
    max_daily_loss_pct: float | None = None
    max_weekly_loss_usd: float | None = None
    max_drawdown_pct: float | None = None
    half_size_drawdown_pct: float | None = None
    max_trades_per_day: int | None = None
    max_daily_volume_usd: float | None = None
    max_losses_in_row: int | None = None
    windows: tuple[Window, ...] = ()
    extended_hours: bool = True
    confidence_needed: bool = True
    auto_halt: bool = False
    violation_cooldown_s: float = 300.0

    def __post_init__(self) -> None:
        for name, (low, high, unit) in BOUNDS.items():
            value = getattr(self, name)
            if value is None:
                continue
            lowest = finite(value) and (value >= low if name in _MAY_BE_ZERO else value > low)
            if not (lowest and value <= high):
                above = "between" if name in _MAY_BE_ZERO else "above"
                raise ConfigError(
                    f"{name} must lie {above} {low:g} and {high:g} {unit}, not {value!r}; None: no limit."
                )
        if not (finite(self.violation_cooldown_s) and 0 <= self.violation_cooldown_s <= 86_400):
            raise ConfigError(f"violation_cooldown_s must lie between 0 and 86400, not {self.violation_cooldown_s!r}.")


def no_limits(scope: Scope) -> Limits:
    """Return limits that allow everything: a scope without limits has to say so."""
    return Limits(scope)


def combine(first: Limits, second: Limits) -> Limits:
    """Return the tighter of two limits, field by field: a limit wins over none, both windows hold.

    Raises:
        ConfigError: they are of different scopes, or both have hours (they cannot be merged into one list).
    """
    if first.scope is not second.scope:
        raise ConfigError(f"Limits of {first.scope} and of {second.scope} measure different books; keep them apart.")
    if first.windows and second.windows and first.windows != second.windows:
        raise ConfigError("Two sets of trading hours cannot become one; write the hours in which both hold.")
    tighter: dict[str, Any] = {name: _tighter(name, getattr(first, name), getattr(second, name)) for name in BOUNDS}
    return replace(
        first,
        **tighter,
        windows=first.windows or second.windows,
        extended_hours=first.extended_hours and second.extended_hours,
        confidence_needed=first.confidence_needed or second.confidence_needed,
        auto_halt=first.auto_halt or second.auto_halt,
        violation_cooldown_s=min(first.violation_cooldown_s, second.violation_cooldown_s),
    )


def _tighter(name: str, first: float | None, second: float | None) -> float | None:
    given = [value for value in (first, second) if value is not None]
    if not given:
        return None
    return max(given) if name in _FLOORS else min(given)
