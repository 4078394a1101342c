"""The live strategy: one strategy that looks at its symbols again and again, within limits in dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tidemill.model.agent import Schedule
from tidemill.model.enums import Sizing
from tidemill.model.people import UserScope
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.runtime.guard.faces import LiveStrategyLimits
from tidemill.services.fleet.feeds import feed_of
from tidemill.services.fleet.making import Made, Wish, made_of
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import OwnedRun
from tidemill.services.fleet.strategies import Strategies
from tidemill.services.home import Home

__all__ = [
    "AT_WORK",
    "STATUSES",
    "LiveStrategy",
    "check_change_at_work",
    "limits_word",
    "made_live_strategy",
    "status_of",
]

AT_WORK = ("name", "max_position_size", "max_positions", "daily_loss_limit")  # what changes while it works
STATUSES = ("ACTIVE", "PAUSED", "STOPPED", "ERROR")
_STATUS = {"STARTING": "ACTIVE", "RUNNING": "ACTIVE", "PAUSED": "PAUSED", "ERROR": "ERROR"}


@dataclass(frozen=True, slots=True)
class LiveStrategy:
    """What somebody says of a live strategy.

    Args:
        name: its name. strategy_id: number of one's own strategy or of a shipped one, or a name.
        symbols: what it looks at. check_interval: seconds between looks, 60 to 3600.
        auto_execute: off: signals are recorded and nothing is ordered.
        max_position_size, daily_loss_limit: USD. max_positions: 1 to 20.
        position_size_pct: share of equity of a position as a fraction, 0.001 to 0.5.
        feed, interval, cash, parameters: where prices come from, size of pushed bars, starting money, parameters.
    """

    name: str
    strategy_id: int | str
    symbols: Sequence[str]
    check_interval: int = 300
    auto_execute: bool = False
    max_position_size: float = 1_000.0
    max_positions: int = 5
    daily_loss_limit: float = 500.0
    position_size_pct: float = 0.02
    feed: str | Mapping[str, Any] | None = None
    interval: str = "1min"
    cash: float = 100_000.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return it as plain values, as it is stored."""
        return asdict(self)


def made_live_strategy(home: Home, strategies: Strategies, scope: UserScope, wish: LiveStrategy) -> Made:
    """Return the specification of a live strategy.

    Raises:
        ConfigError, UnknownName: in one sentence, what does not fit.
    """
    limits = _limits(wish)
    settings = StrategySettings(
        sizing=Sizing.PERCENT, size_value=limits.position_size_pct, max_open_positions=wish.max_positions
    )
    return made_of(
        Wish(
            wish.name,
            [strategies.by_id(scope, wish.strategy_id, wish.parameters).request],
            wish.symbols,
            wish.interval,
            feed_of(home, wish.feed),
            RunSettings(cash=wish.cash, settings=settings),
            {"strategy": asdict(limits)},
            wish.auto_execute,
            Schedule(wish.check_interval),
        )
    )


def limits_word(wish: LiveStrategy) -> dict[str, Any]:
    """Return a live strategy's limits as its run at work is told of them."""
    return {"face": "strategy", **asdict(_limits(wish))}


def _limits(wish: LiveStrategy) -> LiveStrategyLimits:
    size_pct = wish.position_size_pct * 100.0
    return LiveStrategyLimits(wish.max_position_size, wish.max_positions, wish.daily_loss_limit, size_pct)


def check_change_at_work(old: LiveStrategy, wish: LiveStrategy, status: str, most: int) -> None:
    """Refuse a change that a run at work cannot take: what it trades, how often, how large.

    Args:
        most: positions its run was begun with; it may be given fewer while it works, not more.

    Raises:
        Refused: names what is in the way, and what to do.
    """
    before, after = old.values(), wish.values()
    fixed = [name for name in before if name not in AT_WORK and before[name] != after[name]]
    if wish.max_positions > most:
        fixed.append(f"more than {most} max_positions")
    if fixed:
        raise not_now(
            f"{old.name} is {status}, and {', '.join(fixed)} cannot change while it works: stop it first, change it, "
            f"start it again. {', '.join(AT_WORK)} change at once."
        )


def status_of(run: OwnedRun | None) -> str:
    """Return how a live strategy stands, in its own word."""
    return _STATUS.get(run.status, "STOPPED") if run is not None else "STOPPED"
