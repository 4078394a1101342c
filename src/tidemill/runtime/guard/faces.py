"""The limits users know, by the four faces of a run, with their documented defaults; each becomes ``Limits``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.settings import DAYS
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.limits import Limits, Window
from tidemill.runtime.guard.numbers import finite

__all__ = ["CASH_HOURS", "PROFILES", "AgentLimits", "GuardrailLimits", "LiveStrategyLimits", "SessionLimits"]


CASH_HOURS = Window("09:30-16:00", "America/New_York", DAYS[:5])


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """What a trading agent may do.

    Args:
        max_position_usd, max_daily_loss_usd, max_concurrent_positions: all above zero.
        min_confidence: 0-100. max_exposure_pct: above 0, up to 100. max_correlation: 0-1.
        confidence_needed: whether a signal that states no confidence is refused.

    Raises:
        ConfigError: out of bounds.
    """

    max_position_usd: float = 10_000.0
    max_daily_loss_usd: float = 500.0
    max_concurrent_positions: int = 5
    min_confidence: float = 75.0
    max_exposure_pct: float = 50.0
    max_correlation: float = 0.7
    confidence_needed: bool = True

    def __post_init__(self) -> None:
        _whole("max_concurrent_positions", self.max_concurrent_positions, 1, 100_000)
        _complete(self)
        self.limits()

    def merged(self, changes: Mapping[str, Any]) -> AgentLimits:
        """Return these limits with some replaced, checked as a whole.

        Raises:
            UnknownName: there is no such limit. ConfigError: out of bounds.
        """
        names = [item.name for item in fields(self)]
        for name in changes:
            if name not in names:
                raise UnknownName("agent limit", name, names)
        return replace(self, **changes)

    def limits(self) -> Limits:
        """Return what the guard asks with."""
        return Limits(
            Scope.AGENT,
            max_position_usd=self.max_position_usd,
            max_daily_loss_usd=self.max_daily_loss_usd,
            max_concurrent_positions=self.max_concurrent_positions,
            min_confidence=self.min_confidence,
            max_exposure_pct=self.max_exposure_pct,
            max_correlation=self.max_correlation,
            confidence_needed=self.confidence_needed,
        )


@dataclass(frozen=True, slots=True)
class LiveStrategyLimits:
    """What a live strategy may do.

    Args:
        max_position_usd, daily_loss_limit_usd: above zero. max_positions: 1 to 20.
        position_size_pct: share of equity each position is given, 0.1 to 50; sizing goes by it, the guard by the caps.
        min_strength: of a signal that states one, 0 to 1; a signal that states none is not asked.

    Raises:
        ConfigError: out of bounds.
    """

    max_position_usd: float
    max_positions: int
    daily_loss_limit_usd: float
    position_size_pct: float = 2.0
    min_strength: float = 0.6

    def __post_init__(self) -> None:
        _whole("max_positions", self.max_positions, 1, 20)
        _complete(self)
        if not (0.1 <= self.position_size_pct <= 50.0):
            raise ConfigError(f"position_size_pct must lie between 0.1 and 50 percent, not {self.position_size_pct!r}.")
        self.limits()

    def limits(self) -> Limits:
        """Return what the guard asks with."""
        return Limits(
            Scope.STRATEGY,
            max_position_usd=self.max_position_usd,
            max_concurrent_positions=self.max_positions,
            max_daily_loss_usd=self.daily_loss_limit_usd,
            min_confidence=self.min_strength * 100.0,
            confidence_needed=False,
        )


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What a trading session may do, as its settings say it; loss limits are off unless set.

    Args:
        max_position_pct: of equity. max_open_positions: count.
        daily_loss_pct, daily_loss_usd: None: no limit.
        window: hours, zone and days of entries. extended_hours: entries outside the regular session.

    Raises:
        ConfigError: out of bounds.
    """

    max_position_pct: float = 25.0
    max_open_positions: int = 10
    daily_loss_pct: float | None = None
    daily_loss_usd: float | None = None
    window: Window = CASH_HOURS
    extended_hours: bool = False

    def __post_init__(self) -> None:
        _whole("max_open_positions", self.max_open_positions, 1, 100_000)
        self.limits()

    def limits(self) -> Limits:
        """Return what the guard asks with."""
        return Limits(
            Scope.SESSION,
            max_position_pct=self.max_position_pct,
            max_concurrent_positions=self.max_open_positions,
            max_daily_loss_pct=self.daily_loss_pct,
            max_daily_loss_usd=self.daily_loss_usd,
            windows=(self.window,),
            extended_hours=self.extended_hours,
        )


@dataclass(frozen=True, slots=True)
class GuardrailLimits:
    """What hands may do: orders and signals of people, whatever way they come in.

    Args:
        daily_loss_cap_usd: reaching it halts until a named person clears it.
        trades_per_day: opened positions. max_contracts: of one futures position.
        position_limit_pct: of equity. max_position_usd, max_daily_volume_usd: of everything that is not futures.
        windows: hours of entries; an empty zone is the exchange's. None: always.
        violation_cooldown_s: the same violation is written down once in so many seconds.
        auto_halt: halt on a critical violation.

    Raises:
        ConfigError: out of bounds.
    """

    daily_loss_cap_usd: float = 300.0
    trades_per_day: int = 5
    max_contracts: int = 5
    position_limit_pct: float = 10.0
    max_position_usd: float = 50_000.0
    max_daily_volume_usd: float = 100_000.0
    windows: tuple[Window, ...] = (Window("08:30-15:00"),)
    violation_cooldown_s: float = 300.0
    auto_halt: bool = True

    def __post_init__(self) -> None:
        _whole("trades_per_day", self.trades_per_day, 1, 100_000)
        _whole("max_contracts", self.max_contracts, 1, 1_000_000)
        _complete(self)
        self.limits()

    def limits(self) -> Limits:
        """Return what the guard asks with."""
        return Limits(
            Scope.GUARDRAIL,
            max_daily_loss_usd=self.daily_loss_cap_usd,
            max_trades_per_day=self.trades_per_day,
            max_contracts=self.max_contracts,
            max_position_pct=self.position_limit_pct,
            max_position_usd=self.max_position_usd,
            max_daily_volume_usd=self.max_daily_volume_usd,
            windows=self.windows,
            violation_cooldown_s=self.violation_cooldown_s,
            auto_halt=self.auto_halt,
        )


def _complete(face: object) -> None:
    """Refuse a limit left out by writing None where the face has no such choice."""
    for item in fields(face):  # type: ignore[arg-type]
        if getattr(face, item.name) is None:
            raise ConfigError(f"{item.name} needs a value; this kind of limit cannot be switched off.")


def _whole(name: str, value: object, low: int, high: int) -> None:
    number = value if isinstance(value, int) and not isinstance(value, bool) else None
    if not (finite(number) and low <= number <= high):
        raise ConfigError(f"{name} must be a whole number between {low} and {high}, not {value!r}.")


PROFILES: dict[str, GuardrailLimits] = {
    "dev": GuardrailLimits(500.0, 10, 10, 20.0, windows=(Window("06:00-20:00"),)),
    "prod": GuardrailLimits(200.0, 5, 5, 10.0, 25_000.0, 50_000.0, windows=(Window("09:30-16:00", "", DAYS[:5]),)),
    "default": GuardrailLimits(),
}
