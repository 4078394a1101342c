"""How alike instruments move: Pearson's correlation of daily returns, pair by pair over the days both have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tidemill.model.errors import ConfigError
from tidemill.runtime.guard.numbers import UNKNOWN, finite

__all__ = ["MIN_DAYS", "CorrelationMatrix", "correlations", "portfolio_correlation"]

MIN_DAYS = 20  # a month of trading days: below it the standard error of r is above 0.2


@dataclass(frozen=True, slots=True)
class CorrelationMatrix:
    """Correlations by pair of symbols; a pair that is not there is not known.

    ``days``: by pair, of how many daily returns it is made, or would have been.
    """

    pairs: Mapping[tuple[str, str], float]
    days: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def between(self, first: str, second: str) -> float:
        """Return the correlation of two symbols in [-1, 1]; NaN when it is not known."""
        return 1.0 if first == second else self.pairs.get((first, second), UNKNOWN)


def _pearson(first: NDArray[np.float64], second: NDArray[np.float64], min_days: int) -> float:
    both = np.isfinite(first) & np.isfinite(second)
    if int(both.sum()) < min_days:
        return UNKNOWN
    one, two = first[both] - first[both].mean(), second[both] - second[both].mean()
    norm = float(np.sqrt((one @ one) * (two @ two)))
    return min(max(float(one @ two) / norm, -1.0), 1.0) if norm > 0.0 else UNKNOWN


def correlations(symbols: Sequence[str], returns: NDArray[np.float64], min_days: int = MIN_DAYS) -> CorrelationMatrix:
    """Compute the correlations of daily returns.

    Args:
        symbols: k names, by column.
        returns: float64[days, k], simple daily returns of real closes; NaN where a day is missing.
        min_days: days both must have; pairs with fewer are not known.

    Raises:
        ConfigError: the array does not fit the names.
    """
    if returns.ndim != 2 or returns.shape[1] != len(symbols):
        raise ConfigError(
            f"Daily returns of shape {returns.shape} do not fit {len(symbols)} symbols; give one column per symbol."
        )
    pairs: dict[tuple[str, str], float] = {}
    for left, first in enumerate(symbols):
        for right in range(left + 1, len(symbols)):
            value = _pearson(returns[:, left], returns[:, right], min_days)
            if finite(value):
                pairs[first, symbols[right]] = pairs[symbols[right], first] = value
    return CorrelationMatrix(pairs)


def portfolio_correlation(matrix: CorrelationMatrix, symbol: str, direction: int, held: Mapping[str, float]) -> float:
    """Return how alike a new position would move with those held, weighted by their exposure, in [-1, 1].

    A short position moves against its instrument, so two opposite positions in alike instruments count as unlike.

    Args:
        symbol: of the new position. direction: 1 long, -1 short.
        held: signed exposure by symbol, money; the symbol itself is left out.

    Returns:
        NaN when a pair is not known, -1 when nothing else is held.
    """
    total = weighted = 0.0
    for other, exposure in held.items():
        if other == symbol or exposure == 0.0:
            continue
        weight = abs(exposure)
        total += weight
        weighted += weight * matrix.between(symbol, other) * (direction if exposure > 0.0 else -direction)
    return weighted / total if total > 0.0 else (-1.0 if total == 0.0 else UNKNOWN)
