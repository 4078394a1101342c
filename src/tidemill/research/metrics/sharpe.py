"""The Sharpe ratio, how sure it is, and how sure it stays after many trials."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tidemill.research.metrics.returns import raw_kurtosis, skewness, spread
from tidemill.research.metrics.sheet import Sheet
from tidemill.research.metrics.track import Track
from tidemill.research.trials import TrialCount

__all__ = [
    "describe_sharpe",
    "expected_max_sharpe",
    "minimum_track_record",
    "probabilistic_sharpe",
    "sharpe_error",
    "sharpe_per_period",
    "sharpe_ratio",
]

_NORMAL = NormalDist()
_EULER_GAMMA = 0.5772156649015329
CONFIDENCE = 0.95


def sharpe_per_period(excess: NDArray[np.float64]) -> float:
    """Return ``mean(e) / std(e)`` of one period, not annualised; NaN when the returns do not vary."""
    deviation = spread(excess)
    return float(np.mean(excess)) / deviation if deviation > 0 else math.nan


def sharpe_ratio(excess: NDArray[np.float64], periods_per_year: int) -> float:
    """Return reward per unit of risk per year: ``mean(e) / std(e) * sqrt(q)``. Source: Sharpe (1994)."""
    return sharpe_per_period(excess) * math.sqrt(periods_per_year)


def _unit_variance(sharpe: float, skew: float, kurtosis: float) -> float:
    return 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2


def sharpe_error(sharpe: float, n: int, skew: float, kurtosis: float) -> float:
    """Return the standard error of a Sharpe ratio estimated from n returns, all in per-period units.

    ``sqrt((1 - g3 SR + (g4 - 1) / 4 SR^2) / (n - 1))``, kurtosis raw (normal = 3). NaN where the bracket is not
    positive. Sources: Lo (2002), Mertens (2002).
    """
    variance = _unit_variance(sharpe, skew, kurtosis)
    return math.sqrt(variance / (n - 1)) if n > 1 and variance > 0 else math.nan


def probabilistic_sharpe(sharpe: float, hurdle: float, n: int, skew: float, kurtosis: float) -> float:
    """Return the probability (0-1) that the true Sharpe ratio exceeds a hurdle, all in per-period units.

    ``Phi((SR - SR*) / error)``. Source: Bailey & Lopez de Prado, The Sharpe Ratio Efficient Frontier (2012).
    """
    error = sharpe_error(sharpe, n, skew, kurtosis)
    return _NORMAL.cdf((sharpe - hurdle) / error) if error > 0 else math.nan


def expected_max_sharpe(trials: int, variance: float) -> float:
    """Return the best per-period Sharpe ratio that luck alone is expected to produce in N trials.

    ``sigma ((1 - g) PhiInv(1 - 1/N) + g PhiInv(1 - 1/(N e)))``, g Euler's constant; 0 for one trial.
    Source: Bailey & Lopez de Prado, The Deflated Sharpe Ratio (2014).
    """
    if trials < 2 or not variance > 0:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - _EULER_GAMMA) * first + _EULER_GAMMA * second)


def minimum_track_record(
    sharpe: float,
    skew: float,
    kurtosis: float,
    hurdle: float = 0.0,
    confidence: float = CONFIDENCE,
) -> float:
    """Return how many returns are needed before a Sharpe ratio like this one counts as above the hurdle.

    ``1 + (1 - g3 SR + (g4 - 1) / 4 SR^2) (z / (SR - SR*))^2``; NaN when the ratio is not above the hurdle.
    Source: Bailey & Lopez de Prado (2012).
    """
    variance = _unit_variance(sharpe, skew, kurtosis)
    if not (sharpe > hurdle and variance > 0):
        return math.nan
    return 1.0 + variance * (_NORMAL.inv_cdf(confidence) / (sharpe - hurdle)) ** 2


def describe_sharpe(track: Track, trials: TrialCount | None, sheet: Sheet) -> None:
    """Write the Sharpe ratio, its 95 % interval, PSR, DSR and the minimum track record."""
    count = trials or TrialCount(1, 0.0, "trials were not counted: taken as 1")
    excess, n, year = track.excess, track.n, math.sqrt(track.periods_per_year)
    ratio, skew, kurtosis = (
        sharpe_per_period(excess),
        skewness(excess),
        raw_kurtosis(excess),
    )
    why = f"needs at least 3 days (n={n})" if n < 3 else f"returns do not vary (n={n})"
    error = sharpe_error(ratio, n, skew, kurtosis)
    if math.isfinite(ratio) and n > 2 and math.isnan(error):
        why = f"only two different returns: the error formula has no answer (n={n})"
    reach = _NORMAL.inv_cdf(0.5 + CONFIDENCE / 2.0) * error
    sheet.put("sharpe", ratio * year, why)
    sheet.put("sharpe_ci_low", (ratio - reach) * year, why)
    sheet.put("sharpe_ci_high", (ratio + reach) * year, why)
    sheet.put("psr", probabilistic_sharpe(ratio, 0.0, n, skew, kurtosis), why)
    hurdle = expected_max_sharpe(count.n, count.sharpe_variance)
    sheet.put("dsr", probabilistic_sharpe(ratio, hurdle, n, skew, kurtosis), why)
    sheet.put("trials", count.n)
    sheet.put("trials_sharpe_variance", count.sharpe_variance)
    if count.note:
        sheet.note("dsr", count.note)
    needed = minimum_track_record(ratio, skew, kurtosis)
    never = why if math.isnan(ratio) else "Sharpe not above 0: no length is enough"
    sheet.put("min_trl", math.ceil(needed) if math.isfinite(needed) else None, never)
