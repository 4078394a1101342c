"""Average true range of what a run trades, from the bars it has taken: how far a price usually moves."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.runtime.guard.numbers import UNKNOWN, positive

__all__ = ["PERIOD", "Ranges"]

PERIOD = 14  # bars; J. Welles Wilder, New Concepts in Technical Trading Systems (1978), chapter III
_BAR, _SPLIT = int(EventKind.BAR), int(EventKind.SPLIT)


class Ranges:
    """Follows the average true range by Wilder's smoothing; a run that is started again knows the same.

    Args:
        count: instruments of the run.
        interval_ns: size of the bars that count, 0: all.
    """

    def __init__(self, count: int, interval_ns: int = 0) -> None:
        self._interval_ns = interval_ns
        self._bars = [0] * count
        self._before = [UNKNOWN] * count
        self._average = [0.0] * count

    def take(self, rows: NDArray[Any]) -> None:
        """Take EVENT rows as they come; a split restates what was before it."""
        kinds = rows["kind"].tolist()
        if _BAR not in kinds and _SPLIT not in kinds:
            return
        columns = [rows[name].tolist() for name in ("instrument", "interval_ns", "high", "low", "close")]
        for kind, row, interval_ns, high, low, close in zip(kinds, *columns, strict=True):
            if kind == _BAR and (not self._interval_ns or interval_ns == self._interval_ns):
                self._follow(row, high, low, close)
            elif kind == _SPLIT and positive(close):
                self._before[row] /= close
                self._average[row] /= close

    def _follow(self, row: int, high: float, low: float, close: float) -> None:
        before = self._before[row]
        reach = high - low if math.isnan(before) else max(high, before) - min(low, before)
        bars = self._bars[row] = min(self._bars[row] + 1, PERIOD)
        self._average[row] += (reach - self._average[row]) / bars
        self._before[row] = close

    def average(self, row: int) -> float:
        """Return an instrument's average true range in price points; NaN before its fourteenth bar."""
        return self._average[row] if self._bars[row] == PERIOD else UNKNOWN
