"""Trades to bar tables through the compiled aggregator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidemill.kernel.bars import aggregate_trades
from tidemill.model.bars import BarTable
from tidemill.model.errors import OutOfOrder

__all__ = ["bars_from_trades"]


def bars_from_trades(
    symbol: str,
    ts: NDArray[np.int64],
    price: NDArray[np.float64],
    size: NDArray[np.float64],
    interval_ns: int,
    *,
    anchor_ns: int = 0,
    check: bool = True,
) -> BarTable:
    """Return the bars of a trade tape; intervals without a trade have no bar.

    Args:
        ts: int64[n], UTC nanoseconds, not decreasing.
        price, size: float64[n].
        interval_ns: bar size.
        anchor_ns: an instant at which a bar starts (a session's open), UTC.
        check: look for stamps that run backward first.

    Raises:
        OutOfOrder: stamps run backward.
    """
    columns = (
        np.ascontiguousarray(ts, np.int64),
        np.ascontiguousarray(price, np.float64),
        np.ascontiguousarray(size, np.float64),
    )
    if check and len(ts) > 1 and bool((np.diff(columns[0]) < 0).any()):
        row = int(np.flatnonzero(np.diff(columns[0]) < 0)[0]) + 1
        raise OutOfOrder(f"Trade {row} of {symbol} is earlier than the one before it; sort the trades by time.")
    span = int(columns[0][-1] - columns[0][0]) // interval_ns + 2 if len(ts) else 1
    room = min(span, len(ts)) + 1
    out = np.empty((6, room))
    pointers = [int(column.ctypes.data) for column in columns]
    count = aggregate_trades(*pointers, len(ts), interval_ns, anchor_ns, int(out.ctypes.data), room)
    starts = out[0].view(np.int64)[:count].copy()
    return BarTable(symbol, interval_ns, interval_ns, starts, *(column[:count].copy() for column in out[1:]))
