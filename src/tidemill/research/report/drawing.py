"""What is drawn behind and over the candles beside the trades: indicator values, missing bars, extended hours."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Backdrop", "Drawing", "Line"]


@dataclass(slots=True)
class Line:
    """One value of one indicator, as the strategy saw it after each bar.

    Args:
        instrument: row of the run's instruments.
        label: what it is called in the strategy: ``fast_sma``, ``bands.upper``.
        pane: empty when it lies among the prices, else the pane it shares with its sisters.
        values: float64[bars of the instrument], NaN where there was none.
    """

    instrument: int
    label: str
    pane: str
    values: NDArray[np.float64]


@dataclass(slots=True)
class Backdrop:
    """Where one instrument's chart is shaded.

    Args:
        outside_ns: int64[k, 2], first and last bar start of each stretch outside regular trading.
        gaps_ns: int64[m], starts of bars before which others are missing within a session.
    """

    outside_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    gaps_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(slots=True)
class Drawing:
    """Everything beside the trades: lines of all instruments, and one backdrop per instrument."""

    lines: list[Line] = field(default_factory=list)
    backdrops: list[Backdrop] = field(default_factory=list)
