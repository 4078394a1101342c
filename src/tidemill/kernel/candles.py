"""Trades to bars one by one, as they arrive: late, repeated and missing trades included.

A desk holds one candle per instrument and interval. Fed with sorted trades it gives exactly the bars of
``aggregate_trades``; what real feeds add on top (late prints, repeated prints, quiet minutes, starts in the middle of a
bar) is decided here, once, and counted.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.candle_records import CANDLE, DESK, FILLED, HELD_BACK, PRINT, SEEN_ROWS, SEGMENT, TRADED
from tidemill.kernel.compile import export, kernel
from tidemill.kernel.memory import row_at
from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT

__all__ = ["close_candles", "take_trades"]


_BAR = int(EventKind.BAR)
_TRADE = int(EventKind.TRADE)
_DAY_NS = 86_400_000_000_000


@kernel
def _write(desk: Any, candle: Any, start_ns: int, end_ns: int, flags: int) -> None:
    """Write one row: the bar in the making, a flat bar (FILLED), or word of a bar that lacks trades (HELD_BACK)."""
    row = row_at(desk.out, desk.made, desk.n_out, EVENT)
    desk.made += 1
    row.kind = _BAR
    row.instrument = candle.instrument
    row.ts_ns = start_ns
    row.now_ns = end_ns
    row.interval_ns = candle.interval_ns
    row.code = flags
    if flags == FILLED:
        row.open = candle.last_close
        row.high = candle.last_close
        row.low = candle.last_close
        row.close = candle.last_close
        row.volume = 0.0
        row.extra = 0
        candle.filled += 1
    else:
        row.open = candle.open
        row.high = candle.high
        row.low = candle.low
        row.close = candle.close
        row.volume = candle.volume
        row.extra = candle.count
        if flags == HELD_BACK:
            candle.held_back += 1
        else:
            candle.made += 1
    row.bid = 0.0
    row.ask = 0.0
    row.order = 0
    row.money = 0
    row.row = 0


@kernel
def _segment_of(desk: Any, candle: Any, ts_ns: int) -> int:
    """Return the row of the session stretch an instant lies in, or -1."""
    at = candle.segment_at
    rows = candle.segment_rows
    first = candle.segment
    while at + 1 < rows and row_at(desk.segments, first + at + 1, desk.n_segments, SEGMENT).start_ns <= ts_ns:
        at += 1
    while at > 0 and row_at(desk.segments, first + at, desk.n_segments, SEGMENT).start_ns > ts_ns:
        at -= 1
    candle.segment_at = at
    if rows == 0:
        return -1
    segment = row_at(desk.segments, first + at, desk.n_segments, SEGMENT)
    return first + at if segment.start_ns <= ts_ns < segment.end_ns else -1


@kernel
def _close(desk: Any, candle: Any) -> None:
    """End the bar in the making: hand it out if it is whole."""
    end_ns = candle.end_ns
    if candle.start_ns >= candle.whole_from_ns:
        _write(desk, candle, candle.start_ns, end_ns, 0)
        candle.is_linked = 1
        candle.last_close = candle.close
        row = candle.segment + candle.segment_at
        candle.last_segment_ns = row_at(desk.segments, row, desk.n_segments, SEGMENT).start_ns
    else:
        _write(desk, candle, candle.start_ns, end_ns, HELD_BACK)
        candle.is_linked = 0
    candle.settled_ns = end_ns
    candle.end_ns = 0


@kernel
def _fill(desk: Any, candle: Any, start_ns: int, segment_ns: int) -> None:
    """Hand out flat bars for a short quiet stretch before ``start_ns``, at the close before it."""
    gap = start_ns - candle.settled_ns
    if candle.is_linked == 0 or gap <= 0 or gap > desk.max_gap_ns or candle.last_segment_ns != segment_ns:
        return
    at = candle.settled_ns
    while at < start_ns:
        _write(desk, candle, at, at + candle.interval_ns, FILLED)
        at += candle.interval_ns


@kernel
def _open(desk: Any, candle: Any, row: int, ts_ns: int, price: float) -> None:
    """Begin the bar a trade falls into."""
    segment = row_at(desk.segments, row, desk.n_segments, SEGMENT)
    start = segment.start_ns
    end = segment.end_ns
    size = candle.interval_ns
    if size < _DAY_NS:
        start = segment.anchor_ns + (ts_ns - segment.anchor_ns) // size * size
        end = min(start + size, segment.end_ns)
        start = max(start, segment.start_ns)
    _fill(desk, candle, start, segment.start_ns)
    candle.start_ns = start
    candle.end_ns = end
    candle.settled_ns = start
    candle.open = price
    candle.high = price
    candle.low = price
    candle.close = price
    candle.open_ns = ts_ns
    candle.close_ns = ts_ns
    candle.volume = 0.0
    candle.count = 0


@kernel
def _add(desk: Any, candle: Any, ts_ns: int, price: float, size: float) -> None:
    """Take one trade into one candle."""
    if ts_ns < candle.settled_ns:
        candle.late += 1
        candle.late_ns = max(candle.late_ns, ts_ns)
        return
    if ts_ns >= candle.end_ns:
        if candle.end_ns != 0:
            _close(desk, candle)
        row = _segment_of(desk, candle, ts_ns)
        if row < 0:
            candle.outside += 1
            return
        _open(desk, candle, row, ts_ns, price)
    if price > candle.high:
        candle.high = price
    if price < candle.low:
        candle.low = price
    if ts_ns < candle.open_ns:
        candle.open_ns = ts_ns
        candle.open = price
    if ts_ns >= candle.close_ns:
        candle.close_ns = ts_ns
        candle.close = price
    candle.volume += size
    candle.count += 1


@kernel
def _is_repeated(desk: Any, instrument: int, seq: int, ts_ns: int) -> bool:
    """Tell whether a numbered print came before, and remember it; prints without a number cannot repeat."""
    if seq == 0:
        return False
    row = instrument * SEEN_ROWS + (seq & (SEEN_ROWS - 1))
    seen = row_at(desk.prints, row, desk.n_traded * SEEN_ROWS, PRINT)
    if seen.seq == seq and seen.ts_ns == ts_ns:
        return True
    seen.seq = seq
    seen.ts_ns = ts_ns
    return False


@export("int64(int64, int64, int64)")
def take_trades(desk: int, rows: int, count: int) -> int:
    """Take EVENT rows of kind TRADE in order of arrival; other kinds are passed over.

    A trade carries its stamp in ``ts_ns``, price in ``close``, size in ``volume`` and the number by which its source
    knows it in ``extra`` (0: none). Bars that end are written to ``desk.out`` and counted in ``desk.made``.

    Args:
        desk: address of a DESK.
        rows: address of the rows.
        count: how many.

    Returns:
        Rows taken; fewer than ``count`` when ``out`` is full: empty it and call again with the rest.
    """
    top = row_at(desk, 0, 1, DESK)
    for at in range(count):
        if top.made + top.worst > top.n_out:
            return at
        event = row_at(rows, at, count, EVENT)
        number = event.instrument
        if event.kind == _TRADE and number >= 0 and number < top.n_traded:
            traded = row_at(top.traded, number, top.n_traded, TRADED)
            if _is_repeated(top, number, event.extra, event.ts_ns):
                traded.repeated += 1
            else:
                for index in range(traded.first, traded.first + traded.count):
                    candle = row_at(top.candles, index, top.n_candles, CANDLE)
                    _add(top, candle, event.ts_ns, event.close, event.volume)
    return count


@export("int64(int64, int64)")
def close_candles(desk: int, until_ns: int) -> int:
    """End every bar whose time is up at ``until_ns``, trade or no trade; return the bars handed out so far.

    ``desk.out`` needs room for one bar per candle.
    """
    top = row_at(desk, 0, 1, DESK)
    for index in range(top.n_candles):
        candle = row_at(top.candles, index, top.n_candles, CANDLE)
        if candle.end_ns != 0 and candle.end_ns <= until_ns:
            _close(top, candle)
    return top.made
