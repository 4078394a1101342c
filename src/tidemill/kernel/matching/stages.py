"""The stages of a bar: every order has its turns; after one that has something to report the matching pauses.

Whoever drives it lets the core answer and asks again, so the next order meets a book that knows of every fill before.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import book_at, venue_head, venue_order_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.matching.reports import has_reports
from tidemill.kernel.matching.turns import at_close, at_open, end_immediate, in_range, prepare
from tidemill.model.enums import OrderType, PathRule, TimeInForce

__all__ = ["begin_bar", "begin_open", "begin_stage", "meet_close", "meet_newborn", "meet_open", "meet_range"]

_MARKET = int(OrderType.MARKET)
_TRAILING = int(OrderType.TRAILING_STOP)
_OPG = int(TimeInForce.OPG)
_CLS = int(TimeInForce.CLS)
_TARGET_FIRST = int(PathRule.TARGET_FIRST)
_BEST = int(PathRule.BEST)


@kernel
def begin_bar(venue: int, instrument: int, volume: float, begin_ns: int, day: int, session: int) -> None:
    """Show a book a new bar: its volume, its trading day, and whether it opens (1) or closes (2) its session."""
    book = book_at(venue, instrument)
    book.available = volume * venue_head(venue).volume_cap
    book.opened_ns = begin_ns
    book.day = day
    book.session = session


@kernel
def begin_stage(venue: int, instrument: int) -> None:
    """Begin a stage of a bar: orders that arrive from now on wait for the next one."""
    book = book_at(venue, instrument)
    book.newest = venue_head(venue).newest
    book.tried = 0
    book.passes = 0
    book.seen = book.last
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        order.good_for = order.quantity
        row = order.next


@kernel
def begin_open(venue: int, instrument: int, price: float) -> None:
    """Begin the stage in which orders meet the open."""
    begin_stage(venue, instrument)
    book_at(venue, instrument).last = price


@kernel
def _next_turn(venue: int, book: Any) -> int:
    """Return the row of the order whose turn it is in this pass, by rising number; -1 when all have had theirs."""
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.id > book.newest:
            return -1
        if order.id > book.tried:
            book.tried = order.id
            return row
        row = order.next
    return -1


@kernel
def meet_open(venue: int, instrument: int, price: float, begin_ns: int) -> bool:
    """Let orders meet the open of a bar until one has something to report; False when all have met it."""
    book = book_at(venue, instrument)
    is_session_open = book.session & 1 == 1
    row = _next_turn(venue, book)
    while row >= 0:
        order = venue_order_at(venue, row)
        order_id = order.id
        tradable = order.tif != _OPG or is_session_open
        if prepare(venue, row, begin_ns, book.day):
            at_open(venue, row, price, begin_ns, is_session_open)
            if tradable:
                end_immediate(venue, order_id, instrument, begin_ns)
        if has_reports(venue):
            return True
        row = _next_turn(venue, book)
    return False


@kernel
def meet_range(venue: int, instrument: int, high: float, low: float, begin_ns: int, end_ns: int) -> bool:
    """Let orders meet the high and low of a bar, in two passes in the order the path rule states; as ``meet_open``."""
    book = book_at(venue, instrument)
    rule = venue_head(venue).path_rule
    stops = (rule != _TARGET_FIRST and rule != _BEST) == (book.passes == 0)
    while True:
        row = _next_turn(venue, book)
        if row < 0:
            if book.passes == 1:
                return False
            book.passes = 1
            book.tried = 0
            stops = not stops
            continue
        order = venue_order_at(venue, row)
        waits = order.parent > 0 or order.active_ns > begin_ns or order.tif == _CLS or order.tif == _OPG
        if not waits and order.type != _MARKET:
            in_range(venue, row, book.seen, high, low, end_ns, stops)
            if has_reports(venue):
                return True


@kernel
def _move_trails(venue: int, book: Any, high: float, low: float) -> None:
    """Let trailing stops take in the best price of a bar that is over."""
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.type == _TRAILING and order.parent == 0 and order.id <= book.newest:
            order.extreme = min(order.extreme, low) if order.side > 0 else max(order.extreme, high)
        row = order.next


@kernel
def meet_newborn(venue: int, instrument: int, high: float, low: float, end_ns: int) -> bool:
    """Match protection that was born inside this very bar: its stop may fill, its target waits for the next bar.

    With the path rule BEST the target may fill and the stop waits. Pauses as ``meet_open`` does; at the end trailing
    stops take in the bar, and the orders of the close have their turn.
    """
    book = book_at(venue, instrument)
    top = venue_head(venue)
    stops = top.path_rule != _BEST
    row = _next_turn(venue, book) if book.passes == 0 else -1
    while row >= 0:
        order = venue_order_at(venue, row)
        born = order.parent == 0 and order.active_ns == end_ns and top.latency_ns == 0
        if born and order.reduce_only == 1 and order.type != _MARKET:
            in_range(venue, row, book.seen, high, low, end_ns, stops)
            if has_reports(venue):
                return True
        row = _next_turn(venue, book)
    if book.passes == 0:
        _move_trails(venue, book, high, low)
        book.passes = 1
        book.tried = 0
    return False


@kernel
def meet_close(venue: int, instrument: int, close: float, end_ns: int) -> bool:
    """Match what fills at a bar's close: CLS orders at the session's end, market orders that arrived inside the bar.

    Pauses as ``meet_open`` does.
    """
    book = book_at(venue, instrument)
    if book.tried == 0:
        book.last = close
    row = _next_turn(venue, book)
    while row >= 0:
        at_close(venue, row, close, end_ns, book.session >= 2)
        if has_reports(venue):
            return True
        row = _next_turn(venue, book)
    return False
