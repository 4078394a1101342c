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
from tidemill.services.fleet.runs import OwnedRun
from tidemill.services.fleet.strategies import Strategies
from tidemill.services.home import Home

__all__ = ["STATUSES", "LiveStrategy", "made_live_strategy", "status_of"]

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
    size_pct = wish.position_size_pct * 100.0
    limits = LiveStrategyLimits(wish.max_position_size, wish.max_positions, wish.daily_loss_limit, size_pct)
    settings = StrategySettings(sizing=Sizing.PERCENT, size_value=size_pct, max_open_positions=wish.max_positions)
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


def status_of(run: OwnedRun | None) -> str:
    """Return how a live strategy stands, in its own word."""
    return _STATUS.get(run.status, "STOPPED") if run is not None else "STOPPED"
