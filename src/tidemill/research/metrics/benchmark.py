"""Against holding the benchmark: what the strategy added, and what it only borrowed from the market."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics.returns import spread
from tidemill.research.metrics.sheet import Sheet
from tidemill.research.metrics.track import Track, benchmark_track

__all__ = [
    "Regression",
    "describe_benchmark",
    "information_ratio",
    "paired_returns",
    "regress",
]

_KEYS = (
    "benchmark_return_pct",
    "alpha",
    "beta",
    "r2",
    "information_ratio",
    "tracking_error",
    "treynor",
)
_MIN_PAIRS = 3


class Regression:
    """Ordinary least squares of excess returns on the benchmark's excess returns, per period.

    Args:
        excess: float64[n], the run's returns above the risk-free rate.
        market: float64[n], the benchmark's.
    """

    __slots__ = ("alpha", "beta", "r2")

    def __init__(self, excess: NDArray[np.float64], market: NDArray[np.float64]) -> None:
        self.alpha = self.beta = self.r2 = math.nan
        if len(excess) < _MIN_PAIRS or not spread(market) > 0:
            return
        own, other = excess - excess.mean(), market - market.mean()
        covariance, variance = float(own @ other), float(other @ other)
        self.beta = covariance / variance
        self.alpha = float(excess.mean()) - self.beta * float(market.mean())
        if spread(excess) > 0:
            self.r2 = covariance**2 / (variance * float(own @ own))


def regress(excess: NDArray[np.float64], market: NDArray[np.float64]) -> Regression:
    """Return alpha (per period), beta and R squared; NaN below three pairs or with a flat benchmark."""
    return Regression(excess, market)


def information_ratio(
    returns: NDArray[np.float64], benchmark: NDArray[np.float64], periods_per_year: int
) -> tuple[float, float]:
    """Return (information ratio, tracking error), both per year; the ratio is NaN when the two never differ.

    ``mean(r - b) / std(r - b) * sqrt(q)`` and ``std(r - b) * sqrt(q)``. Source: Grinold & Kahn (1999).
    """
    active = returns - benchmark
    error = spread(active)
    ratio = float(active.mean()) / error * math.sqrt(periods_per_year) if error > 0 else math.nan
    return ratio, error * math.sqrt(periods_per_year)


def paired_returns(track: Track, market: Track) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the returns of run and benchmark on the days both have; the first day has no benchmark return."""
    n = max(0, min(track.n - 1, market.n))
    return track.returns[1 : n + 1], market.returns[:n]


def describe_benchmark(record: RunRecord, track: Track, sheet: Sheet) -> None:
    """Write alpha, beta, R squared, information ratio, tracking error and Treynor against the benchmark."""
    sheet.put("benchmark_name", record.benchmark_name or None, "no benchmark")
    market = benchmark_track(record, track.rf)
    if market is None:
        why = "no benchmark" if record.benchmark is None else "the benchmark has no price on some days"
        for key in _KEYS:
            sheet.put(key, None, why)
        return
    q = track.periods_per_year
    own, other = paired_returns(track, market)
    fit = regress(own - track.rf_period, other - track.rf_period)
    few = f"needs {_MIN_PAIRS} days on which the benchmark moves (n={len(own)})"
    sheet.put("benchmark_return_pct", 100.0 * (float(market.index[-1]) - 1.0))
    sheet.put("alpha", fit.alpha * q, few)
    sheet.put("beta", fit.beta, few)
    sheet.put("r2", fit.r2, few if math.isnan(fit.beta) else "returns do not vary")
    ratio, error = information_ratio(own, other, q) if len(own) else (math.nan, math.nan)
    sheet.put(
        "information_ratio",
        ratio,
        "the run never differs from its benchmark" if len(own) > 1 else few,
    )
    sheet.put("tracking_error", error, few)
    reward = float(np.mean(own - track.rf_period)) * q if len(own) else math.nan
    treynor = reward / fit.beta if fit.beta else math.nan
    sheet.put("treynor", treynor, "beta is zero" if fit.beta == 0 else few)
