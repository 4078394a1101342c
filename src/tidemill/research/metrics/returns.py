"""Growth, spread and shape of the daily returns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tidemill.research.metrics.sheet import Sheet
from tidemill.research.metrics.track import Track

__all__ = [
    "MIN_ANNUAL_DAYS",
    "cagr",
    "describe_returns",
    "omega_ratio",
    "raw_kurtosis",
    "skewness",
    "sortino_ratio",
    "spread",
    "tail_ratio",
    "volatility",
]

# Below a quarter of a year a compounded yearly figure multiplies noise; it is hidden instead.
MIN_ANNUAL_DAYS = 90.0


def spread(values: NDArray[np.float64]) -> float:
    """Return the sample standard deviation (ddof = 1), exactly 0 for equal values, NaN below two."""
    if len(values) < 2:
        return math.nan
    scale = float(np.abs(values).max())
    if float(values.max() - values.min()) <= 4.0 * float(np.finfo(np.float64).eps) * scale:
        return 0.0
    return float(np.std(values, ddof=1))


def cagr(track: Track) -> float:
    """Return the compound growth per calendar year as a ratio: ``growth ** (1 / years) - 1``.

    NaN when the track covers no time; -1 when everything was lost.
    """
    if track.n == 0 or track.years <= 0:
        return math.nan
    growth = float(track.index[-1])
    return -1.0 if growth <= 0 else math.expm1(math.log(growth) / track.years)


def volatility(returns: NDArray[np.float64], periods_per_year: int) -> float:
    """Return the standard deviation of returns per year: ``std(r) * sqrt(q)``."""
    return spread(returns) * math.sqrt(periods_per_year)


def sortino_ratio(excess: NDArray[np.float64], periods_per_year: int) -> float:
    """Return reward per unit of downside: ``mean(e) / sqrt(mean(min(e, 0)^2)) * sqrt(q)`` over all n days.

    Source: Sortino & van der Meer (1991). NaN without a day below the target.
    """
    if len(excess) == 0:
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return math.nan if downside == 0 else float(np.mean(excess)) / downside * math.sqrt(periods_per_year)


def omega_ratio(excess: NDArray[np.float64]) -> float:
    """Return money won above the target per money lost below it; NaN without a day below it.

    Source: Keating & Shadwick (2002).
    """
    lost = -float(np.sum(np.minimum(excess, 0.0)))
    return math.nan if lost == 0 else float(np.sum(np.maximum(excess, 0.0))) / lost


def tail_ratio(returns: NDArray[np.float64]) -> float:
    """Return the size of the best days against the worst: ``|95th percentile| / |5th percentile|``."""
    if len(returns) == 0:
        return math.nan
    low, high = np.percentile(returns, (5.0, 95.0))
    return math.nan if low == 0 else abs(float(high)) / abs(float(low))


def _moment_ratio(values: NDArray[np.float64], order: int) -> float:
    if len(values) < 3 or spread(values) == 0:
        return math.nan
    deviation = values - values.mean()
    return float(np.mean(deviation**order) / np.mean(deviation**2) ** (order / 2.0))


def skewness(values: NDArray[np.float64]) -> float:
    """Return the third standardised population moment: negative means the large days are losses."""
    return _moment_ratio(values, 3)


def raw_kurtosis(values: NDArray[np.float64]) -> float:
    """Return the fourth standardised population moment; 3 for a normal distribution."""
    return _moment_ratio(values, 4)


def describe_returns(track: Track, sheet: Sheet) -> None:
    """Write growth, volatility, Sortino, Omega, tail ratio, skew and kurtosis."""
    q, n = track.periods_per_year, track.n
    growing = track.days_elapsed >= MIN_ANNUAL_DAYS
    sheet.put("total_return_pct", 100.0 * (float(track.index[-1]) - 1.0))
    short = f"hidden under {MIN_ANNUAL_DAYS:.0f} days" if n else "no trading day"
    sheet.put("cagr_pct", 100.0 * cagr(track) if growing else None, short)
    few, flat = f"needs at least 2 days (n={n})", f"returns do not vary (n={n})"
    sheet.put("volatility_pct", 100.0 * volatility(track.returns, q), few)
    sheet.put(
        "sortino",
        sortino_ratio(track.excess, q),
        f"no day below the risk-free rate (n={n})",
    )
    sheet.put("omega", omega_ratio(track.excess), f"no day below the risk-free rate (n={n})")
    sheet.put(
        "tail_ratio",
        tail_ratio(track.returns),
        f"the 5 % worst days lost nothing (n={n})",
    )
    shape = flat if n > 2 else f"needs at least 3 days (n={n})"
    sheet.put("skew", skewness(track.returns), shape)
    sheet.put("kurtosis", raw_kurtosis(track.returns), shape)
