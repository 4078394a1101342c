"""The turn of one order: what it does when it meets an open, a range or a close."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import book_at, venue_head, venue_order_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.matching.book import drop, find_order
from tidemill.kernel.matching.fills import fill
from tidemill.kernel.matching.phases import CLOSE, OPEN, RANGE
from tidemill.kernel.money import snap_price
from tidemill.model.enums import EventKind, OrderType, PathRule, TimeInForce

__all__ = ["at_close", "at_open", "end_immediate", "in_range", "prepare"]

_MARKET = int(OrderType.MARKET)
_LIMIT = int(OrderType.LIMIT)
_STOP = int(OrderType.STOP)
_STOP_LIMIT = int(OrderType.STOP_LIMIT)
_TRAILING = int(OrderType.TRAILING_STOP)
_DAY = int(TimeInForce.DAY)
_IOC = int(TimeInForce.IOC)
_FOK = int(TimeInForce.FOK)
_OPG = int(TimeInForce.OPG)
_CLS = int(TimeInForce.CLS)
_CANCELLED = int(EventKind.CANCELLED)
_EXPIRED = int(EventKind.EXPIRED)
_WORST = int(PathRule.WORST)


@kernel
def _trail_level(book: Any, order: Any) -> float:
    """Return where a trailing stop stands, from the best price before this bar; a fixed stop may be its floor."""
    distance = order.trail_amount if order.trail_amount > 0.0 else order.extreme * order.trail_pct / 100.0
    level = order.extreme + distance if order.side > 0 else order.extreme - distance
    level = snap_price(level, book.tick)
    if order.stop_price > 0.0:
        level = min(level, order.stop_price) if order.side > 0 else max(level, order.stop_price)
    return level


@kernel
def prepare(venue: int, row: int, begin_ns: int, day: int) -> bool:
    """Bring an order into a bar: late cancels and expiries end it; tell whether it may trade from the open on."""
    order = venue_order_at(venue, row)
    if order.cancel_ns > 0 and order.cancel_ns <= begin_ns:
        drop(venue, row, _CANCELLED, begin_ns)
        return False
    if order.parent > 0 or order.active_ns > begin_ns:
        return False
    if order.day < 0:
        order.day = day
    if order.tif == _DAY and day > order.day:
        drop(venue, row, _EXPIRED, begin_ns)
        return False
    return True


@kernel
def at_open(venue: int, row: int, price: float, begin_ns: int, is_session_open: bool) -> None:
    """Match one order against the open: market orders fill, stops that were jumped over fill, limits fill better."""
    order = venue_order_at(venue, row)
    side = order.side
    if order.tif == _CLS or (order.tif == _OPG and not is_session_open):
        return
    kind = order.type
    if kind == _MARKET:
        fill(venue, row, price, OPEN, begin_ns, True)
    elif kind == _LIMIT or (kind == _STOP_LIMIT and order.triggered == 1):
        if side * (order.limit_price - price) >= 0.0:
            fill(venue, row, price, OPEN, begin_ns, False)
    elif kind == _STOP_LIMIT:
        if side * (price - order.stop_price) >= 0.0:
            order.triggered = 1
            if side * (order.limit_price - price) >= 0.0:
                fill(venue, row, price, OPEN, begin_ns, False)
    else:
        level = order.stop_price if kind == _STOP else _trail_level(book_at(venue, order.instrument), order)
        if side * (price - level) >= 0.0:
            fill(venue, row, price, OPEN, begin_ns, True)


@kernel
def end_immediate(venue: int, order_id: int, instrument: int, ts_ns: int) -> None:
    """End what may not wait: IOC, FOK and OPG orders that did not fill in full at once."""
    row = find_order(venue, instrument, order_id)
    if row >= 0:
        tif = venue_order_at(venue, row).tif
        if tif == _IOC or tif == _FOK or tif == _OPG:
            drop(venue, row, _EXPIRED, ts_ns)


@kernel
def in_range(venue: int, row: int, seen: float, high: float, low: float, end_ns: int, stops: bool) -> None:
    """Match one order against the range of a bar: stops in one pass, limits in the other.

    An order accepted inside the bar may find the market past its price already; it fills at ``seen``, the last price
    before this pass, never at a price the bar does not hold.
    """
    order = venue_order_at(venue, row)
    side = order.side
    best = high if side > 0 else low  # where a stop of this side is reached
    kind = order.type
    if stops:
        if kind == _STOP or kind == _TRAILING:
            level = order.stop_price if kind == _STOP else _trail_level(book_at(venue, order.instrument), order)
            if side * (best - level) >= 0.0:
                fill(venue, row, seen if side * (seen - level) > 0.0 else level, RANGE, end_ns, True)
        elif kind == _STOP_LIMIT and order.triggered == 0 and side * (best - order.stop_price) >= 0.0:
            order.triggered = 1
            reached = seen if side * (seen - order.stop_price) > 0.0 else order.stop_price
            if side * (order.limit_price - reached) >= 0.0:
                fill(venue, row, reached, RANGE, end_ns, False)
            else:
                order.active_ns = end_ns  # the path after the trigger is unknown: it rests from the next bar on
    elif kind == _LIMIT or (kind == _STOP_LIMIT and order.triggered == 1):
        worst = low if side > 0 else high  # where a limit of this side is reached
        distance = side * (order.limit_price - worst)
        rule = venue_head(venue)
        through = rule.limit_through == 1 or rule.path_rule == _WORST
        if distance > 0.0 or (distance == 0.0 and not through):
            better = side * (order.limit_price - seen) > 0.0
            fill(venue, row, seen if better else order.limit_price, RANGE, end_ns, False)


@kernel
def at_close(venue: int, row: int, close: float, end_ns: int, is_session_close: bool) -> None:
    """Match one order against the close: late cancels end it, CLS and market orders fill."""
    order = venue_order_at(venue, row)
    order_id = order.id
    instrument = order.instrument
    if order.cancel_ns > 0 and order.cancel_ns <= end_ns:
        drop(venue, row, _CANCELLED, order.cancel_ns)
    elif order.parent > 0 or order.active_ns > end_ns:
        return
    elif order.tif == _CLS:
        if is_session_close:
            if order.type != _LIMIT or order.side * (order.limit_price - close) >= 0.0:
                fill(venue, row, close, CLOSE, end_ns, order.type == _MARKET)
            row = find_order(venue, instrument, order_id)
            if row >= 0:
                drop(venue, row, _EXPIRED, end_ns)
    elif order.type == _MARKET and order.tif != _OPG:
        fill(venue, row, close, CLOSE, end_ns, True)
        end_immediate(venue, order_id, instrument, end_ns)
