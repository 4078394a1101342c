"""Trades to bars in one pass."""

from __future__ import annotations

from tidemill.kernel.compile import export, inlined
from tidemill.kernel.memory import float_at, int_at, store_float, store_int

__all__ = ["aggregate_trades"]


@inlined
def _close(out: int, room: int, bar: int, high: float, low: float, last: float, volume: float) -> None:
    """Write what only the end of a bar knows."""
    store_float(out, 2 * room + bar, high)
    store_float(out, 3 * room + bar, low)
    store_float(out, 4 * room + bar, last)
    store_float(out, 5 * room + bar, volume)


@export("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def aggregate_trades(
    ts: int, price: int, size: int, count: int, interval_ns: int, anchor_ns: int, out: int, room: int
) -> int:
    """Build bars from trades that lie in time order; intervals without a trade have no bar.

    Args:
        ts, price, size: addresses of int64, float64, float64 columns of ``count`` trades.
        interval_ns: bar size; bars start at ``anchor_ns`` plus whole multiples of it.
        out: address of six columns one behind the other, each ``room`` long: start (int64), open, high, low, close,
            volume (float64).
        room: bars that fit.

    Returns:
        Number of bars, or -1 when they do not fit.
    """
    bars = 0
    end = -9_223_372_036_854_775_807
    high = 0.0
    low = 0.0
    last = 0.0
    volume = 0.0
    for at in range(count):
        when = int_at(ts, at)
        now = float_at(price, at)
        if when >= end:
            if bars > 0:
                _close(out, room, bars - 1, high, low, last, volume)
            if bars >= room:
                return -1
            start = anchor_ns + (when - anchor_ns) // interval_ns * interval_ns
            end = start + interval_ns
            store_int(out, bars, start)
            store_float(out, room + bars, now)
            bars += 1
            high = now
            low = now
            volume = 0.0
        if now > high:
            high = now
        if now < low:
            low = now
        last = now
        volume += float_at(size, at)
    if bars > 0:
        _close(out, room, bars - 1, high, low, last, volume)
    return bars
