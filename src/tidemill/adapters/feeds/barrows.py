"""Closed bars as the rows a run takes, those that end at one instant together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.model.heard import HeardBar
from tidemill.model.records import EVENT

__all__ = ["bar_groups"]


def bar_groups(bars: Sequence[tuple[int, HeardBar]]) -> list[NDArray[Any]]:
    """Return EVENT rows of bars, one array per instant at which bars end: finest first, then by instrument.

    Args:
        bars: each with its instrument's row.
    """
    rows = np.zeros(len(bars), EVENT)
    for row, (instrument, bar) in zip(rows, bars, strict=True):
        row["kind"], row["instrument"], row["row"] = EventKind.BAR, instrument, -1
        row["ts_ns"], row["interval_ns"] = bar.start_ns, bar.interval_ns
        row["now_ns"] = bar.end_ns or bar.start_ns + bar.interval_ns
        row["open"], row["high"], row["low"], row["close"] = bar.open, bar.high, bar.low, bar.close
        row["volume"] = bar.volume
    rows = rows[np.lexsort((rows["instrument"], rows["interval_ns"], rows["now_ns"]))]
    return [part for part in np.split(rows, np.flatnonzero(np.diff(rows["now_ns"])) + 1) if len(part)]
