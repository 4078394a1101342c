"""The trading agent: several patterns under its own risk limits, with a horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.runtime.guard.faces import AgentLimits
from tidemill.services.fleet.feeds import feed_of
from tidemill.services.fleet.making import Made, Wish, made_of
from tidemill.services.fleet.naming import find_name
from tidemill.services.fleet.strategies import Strategies
from tidemill.services.home import Home

__all__ = [
    "HORIZONS",
    "USUAL_SYMBOLS",
    "TradingAgent",
    "changed_agent",
    "limits_in_words",
    "limits_word",
    "made_agent",
    "merged_limits",
]

# A horizon and the bars its strategies decide on unless the agent says otherwise.
HORIZONS: dict[str, str] = {"intraday": "1min", "swing": "1d", "position": "1d"}
USUAL_SYMBOLS: tuple[str, ...] = ("AAPL", "SPY", "TSLA")  # of an agent that names none
_MOST_STRATEGIES = 10

# The documented name of each limit, and ours.
_LIMITS: dict[str, str] = {
    "maxPositionSize": "max_position_usd",
    "maxDailyLoss": "max_daily_loss_usd",
    "maxConcurrentPositions": "max_concurrent_positions",
    "minConfidenceScore": "min_confidence",
    "maxPortfolioExposure": "max_exposure_pct",
    "maxCorrelation": "max_correlation",
}


@dataclass(frozen=True, slots=True)
class TradingAgent:
    """What somebody says of a trading agent.

    Args:
        name: its name. account_id: label of its account; every agent trades on a paper account of its own.
        timeframe: intraday, swing or position. strategies: names. risk_limits: by documented name.
        symbols, feed, interval, cash, auto_execute: what it trades, where prices come from, on which bars, with what
            money, and whether it orders.
        parameters: of a strategy, by its name.
        confidence_needed: whether a signal that states no confidence is refused: once the owner says how sure a signal
            has to be, and not for the default.
        require_approval, approval_s: whether a person approves each entry, and within how many seconds.
    """

    name: str
    account_id: str
    timeframe: str
    strategies: Sequence[str]
    risk_limits: Mapping[str, float] = field(default_factory=dict)
    symbols: Sequence[str] = USUAL_SYMBOLS
    feed: str | Mapping[str, Any] | None = None
    interval: str = ""
    cash: float = 100_000.0
    auto_execute: bool = True
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    confidence_needed: bool = False
    require_approval: bool = False
    approval_s: float = 300.0

    def values(self) -> dict[str, Any]:
        """Return it as plain values, as it is stored."""
        return asdict(self)


def merged_limits(old: Mapping[str, float], changes: Mapping[str, float]) -> dict[str, float]:
    """Return limits with some replaced, by documented name, checked as a whole.

    Raises:
        UnknownName: there is no such limit. ConfigError: one is out of bounds.
    """
    for name in (*old, *changes):
        if name not in _LIMITS:
            raise UnknownName("risk limit", name[:80], _LIMITS)
    merged = {**old, **changes}
    limits_in_words(AgentLimits(**_own_names(merged)))
    return merged


def _own_names(limits: Mapping[str, float]) -> dict[str, Any]:
    values: dict[str, Any] = {_LIMITS[name]: value for name, value in limits.items()}
    most = values.get("max_concurrent_positions")
    if isinstance(most, float) and most == int(most):
        values["max_concurrent_positions"] = int(most)
    return values


def _limits(wish: TradingAgent) -> AgentLimits:
    return AgentLimits(**_own_names(merged_limits({}, wish.risk_limits)), confidence_needed=wish.confidence_needed)


def limits_word(wish: TradingAgent) -> dict[str, Any]:
    """Return an agent's limits as its run at work is told of them."""
    return {"face": "agent", **asdict(_limits(wish))}


def changed_agent(old: TradingAgent, changes: Mapping[str, Any], limits: Mapping[str, float]) -> TradingAgent:
    """Return an agent with some of it replaced; limits are merged into those it has.

    Raises:
        UnknownName: there is no such limit. ConfigError: one is out of bounds.
    """
    is_needed = limits["minConfidenceScore"] > 0.0 if "minConfidenceScore" in limits else old.confidence_needed
    merged = merged_limits(old.risk_limits, limits)
    return replace(old, **changes, risk_limits=merged, confidence_needed=is_needed)


def limits_in_words(limits: AgentLimits) -> dict[str, float]:
    """Return limits by their documented names."""
    return {name: getattr(limits, own) for name, own in _LIMITS.items()}


def made_agent(home: Home, strategies: Strategies, wish: TradingAgent) -> tuple[Made, TradingAgent]:
    """Return the specification of a trading agent, and the agent with every limit written out.

    Raises:
        ConfigError, UnknownName: in one sentence, what does not fit.
    """
    if wish.timeframe not in HORIZONS:
        raise UnknownName("timeframe", wish.timeframe[:40], HORIZONS)
    if not (0 < len(wish.strategies) <= _MOST_STRATEGIES):
        raise ConfigError(f"Name 1 to {_MOST_STRATEGIES} strategies, not {len(wish.strategies)}.")
    for name in wish.parameters:
        if name not in wish.strategies:
            raise UnknownName("strategy of this agent", name[:80], wish.strategies)
    limits = _limits(wish)
    names = {find_name(name): name for name in reversed(wish.strategies)}  # two names of one strategy count once
    requests = [
        strategies.by_name(name, wish.parameters.get(name)).request
        for name in wish.strategies
        if names[find_name(name)] == name
    ]
    settings = StrategySettings(gate=wish.require_approval, gate_ttl_s=wish.approval_s)
    made = made_of(
        Wish(
            wish.name,
            requests,
            wish.symbols,
            wish.interval or HORIZONS[wish.timeframe],
            feed_of(home, wish.feed),
            RunSettings(cash=wish.cash, settings=settings),
            {"agent": asdict(limits)},
            wish.auto_execute,
        )
    )
    return made, replace(wish, risk_limits=limits_in_words(limits))
