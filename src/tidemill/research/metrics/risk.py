"""How bad a bad day is: value at risk and what lies beyond it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tidemill.research.metrics.sheet import Sheet
from tidemill.research.metrics.track import Track

__all__ = ["conditional_value_at_risk", "describe_tails", "value_at_risk"]


def value_at_risk(returns: NDArray[np.float64], level: float) -> float:
    """Return the daily return that was undercut on a share ``1 - level`` of the days (negative: a loss).

    Historical simulation, linear interpolation between order statistics, horizon one trading day.
    """
    return float(np.quantile(returns, 1.0 - level)) if len(returns) else math.nan


def conditional_value_at_risk(returns: NDArray[np.float64], level: float) -> float:
    """Return the mean of the worst days: the ``floor((n - 1) * (1 - level)) + 1`` lowest returns.

    Also called expected shortfall. Source: Rockafellar & Uryasev (2000), on the empirical distribution.
    """
    if len(returns) == 0:
        return math.nan
    last = _tail_rank(len(returns), level)
    return float(np.mean(np.partition(returns, last)[: last + 1]))


def _tail_rank(n: int, level: float) -> int:
    # 1 - 0.9 is a little less than 0.1 in binary; unrounded, n = 21 would lose a day of its tail.
    return int((n - 1) * round(1.0 - level, 12))


def describe_tails(track: Track, sheet: Sheet) -> None:
    """Write historical VaR and CVaR at 95 and 99 percent; hidden while the tail holds less than one day."""
    for percent in (95, 99):
        level, needed = percent / 100.0, round(100 / (100 - percent))
        enough = track.n >= needed
        why = f"needs {needed} days (n={track.n})"
        sheet.put(
            f"var_{percent}",
            value_at_risk(track.returns, level) if enough else None,
            why,
        )
        sheet.put(
            f"cvar_{percent}",
            conditional_value_at_risk(track.returns, level) if enough else None,
            why,
        )
