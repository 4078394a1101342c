"""What each tier may use: the limits that services ask for."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.model.people import ACTIVE_RUNS, CUSTOM_STRATEGY_TIERS, Tier

__all__ = ["TierLimits", "limits_of"]


@dataclass(frozen=True, slots=True)
class TierLimits:
    """What somebody of a tier may use at once.

    Args:
        tier: whose limits these are.
        active_runs: runs at once, paused ones too.
        custom_strategies: whether conditions of one's own may be traded.
        backtest_bars: most bars times symbols of one backtest.
        backtest_queue: backtests waiting or running.
    """

    tier: Tier
    active_runs: int
    custom_strategies: bool
    backtest_bars: int
    backtest_queue: int


_BARS = {Tier.FREE: 500_000, Tier.BASIC: 2_000_000, Tier.PREMIUM: 10_000_000, Tier.ENTERPRISE: 50_000_000}
_QUEUE = {Tier.FREE: 1, Tier.BASIC: 3, Tier.PREMIUM: 10, Tier.ENTERPRISE: 20}


def limits_of(tier: Tier) -> TierLimits:
    """Return what a tier may use."""
    return TierLimits(tier, ACTIVE_RUNS[tier], tier in CUSTOM_STRATEGY_TIERS, _BARS[tier], _QUEUE[tier])
