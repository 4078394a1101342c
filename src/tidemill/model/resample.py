"""Longer bars from shorter ones, counted from each session's open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.errors import DataError
from tidemill.model.intervals import format_interval

__all__ = ["aggregate"]


def aggregate(
    bars: BarTable,
    interval_ns: int,
    opens_ns: NDArray[np.int64] | None = None,
    closes_ns: NDArray[np.int64] | None = None,
) -> BarTable:
    """Build longer bars: first open, highest high, lowest low, last close, summed volume.

    Args:
        bars: shorter bars, oldest first.
        interval_ns: size of the new bars; a multiple of the old. With sessions, one day or more means one bar
            per session.
        opens_ns, closes_ns: int64[k], UTC start and end of each session (or of any daily window), increasing.
            Bars outside [open, close) are left out, and counting starts anew at each open. Without them bars
            are counted from 1970-01-01 00:00 UTC.

    Returns:
        The new bars, stamped with their START. A stretch without trades has no bar. The last bar of a session
        may be shorter than the interval.

    Raises:
        DataError: the interval is no multiple of the bars' own.
    """
    if interval_ns < bars.interval_ns or interval_ns % bars.interval_ns:
        raise DataError(
            f"{bars.symbol}: {format_interval(interval_ns)} bars cannot be built from "
            f"{format_interval(bars.interval_ns)} bars; choose a multiple of {format_interval(bars.interval_ns)}."
        )
    if opens_ns is None or closes_ns is None:
        return _merge(bars, bars.ts - bars.ts % interval_ns, interval_ns, interval_ns)
    session = np.searchsorted(opens_ns, bars.ts, side="right") - 1
    inside = (session >= 0) & (bars.ts < closes_ns[np.maximum(session, 0)])
    first = opens_ns[session[inside]]
    whole_session = interval_ns >= DAY_NS
    starts = first if whole_session else bars.ts[inside] - (bars.ts[inside] - first) % interval_ns
    duration_ns = int(np.median(closes_ns - opens_ns)) if whole_session and len(opens_ns) else interval_ns
    return _merge(_take(bars, inside), starts, interval_ns, duration_ns)


def _take(bars: BarTable, mask: NDArray[np.bool_]) -> BarTable:
    """Return the bars where a mask holds."""
    return BarTable(
        bars.symbol,
        bars.interval_ns,
        bars.duration_ns,
        bars.ts[mask],
        bars.open[mask],
        bars.high[mask],
        bars.low[mask],
        bars.close[mask],
        bars.volume[mask],
        dict(bars.meta),
    )


def _merge(bars: BarTable, starts: NDArray[np.int64], interval_ns: int, duration_ns: int) -> BarTable:
    """Merge neighbouring bars that share a start."""
    edges = np.flatnonzero(np.diff(starts, prepend=starts[:1] - 1))
    last = np.append(edges[1:], len(starts)) - 1
    if not len(edges):
        empty = bars.rows(0, 0)
        empty.interval_ns, empty.duration_ns = interval_ns, duration_ns
        return empty
    return BarTable(
        bars.symbol,
        interval_ns,
        duration_ns,
        starts[edges],
        bars.open[edges],
        np.maximum.reduceat(bars.high, edges),
        np.minimum.reduceat(bars.low, edges),
        bars.close[last],
        np.add.reduceat(bars.volume, edges),
        dict(bars.meta),
    )
