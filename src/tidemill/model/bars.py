"""One instrument's bars as plain columns: the shape in which market data enters the house."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DAY_NS", "HOUR_NS", "MINUTE_NS", "SECOND_NS", "BarTable"]

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS


@dataclass(slots=True)
class BarTable:
    """The bars of one instrument at one interval, oldest first.

    Args:
        symbol: the instrument's symbol, as the user names it.
        interval_ns: nominal bar size in nanoseconds (86,400 s for daily bars).
        duration_ns: time from a bar's start until a strategy may know it. Equal to ``interval_ns`` except for
            daily bars of markets with sessions (23,400 s for US stocks, 23 h for CME futures).
        ts: int64[n], UTC nanoseconds of each bar's START, strictly increasing.
        open, high, low, close: float64[n], quote currency.
        volume: float64[n], shares, contracts or coins; zeros where the source has none.
        meta: facts for the run card: source name, sha256 of the rows, ``simulated`` mark, adjustments, warnings.
    """

    symbol: str
    interval_ns: int
    duration_ns: int
    ts: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ts)

    def between(self, start_ns: int | None, end_ns: int | None) -> BarTable:
        """Return the bars whose start lies in [start_ns, end_ns)."""
        low = 0 if start_ns is None else int(np.searchsorted(self.ts, start_ns))
        high = len(self) if end_ns is None else int(np.searchsorted(self.ts, end_ns))
        return self.rows(low, high)

    def rows(self, low: int, high: int) -> BarTable:
        """Return rows low..high (a view, nothing is copied)."""
        cut = slice(low, high)
        return BarTable(
            self.symbol,
            self.interval_ns,
            self.duration_ns,
            self.ts[cut],
            self.open[cut],
            self.high[cut],
            self.low[cut],
            self.close[cut],
            self.volume[cut],
            dict(self.meta),
        )
