"""The prices between which no order of a book can trade: bars inside that band need no matching."""

from __future__ import annotations

import math
from typing import Any

from tidemill.kernel.access import book_at, venue_order_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.memory import float_at, int_at
from tidemill.model.enums import OrderType, TimeInForce

__all__ = ["first_touched", "untouched"]

_LIMIT = int(OrderType.LIMIT)
_STOP = int(OrderType.STOP)
_GTC = int(TimeInForce.GTC)


@kernel
def _find_band(venue: int, instrument: int, begin_ns: int) -> None:
    """Find the prices between which no order of a book can trade; none where an order waits for time, not price."""
    book = book_at(venue, instrument)
    book.band_known = 1
    low = -math.inf
    high = math.inf
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        resting = order.type == _LIMIT or order.type == _STOP
        timed = order.tif != _GTC or order.cancel_ns > 0 or order.active_ns > begin_ns
        if order.parent == 0 and (timed or not resting):
            low = math.inf
            if order.active_ns > begin_ns:
                book.band_known = 0  # it will be active soon: look again at the next bar
        elif order.parent == 0:
            price = order.limit_price if order.type == _LIMIT else order.stop_price
            reached_above = (order.side > 0) == (order.type == _STOP)
            if reached_above and price < high:
                high = price
            if not reached_above and price > low:
                low = price
        row = order.next
    book.band_low = low
    book.band_high = high


@kernel
def untouched(venue: int, instrument: int, high: float, low: float, begin_ns: int) -> bool:
    """Tell whether a bar leaves every order of a book alone."""
    book = book_at(venue, instrument)
    if book.first < 0:
        return True
    if book.band_known == 0:
        _find_band(venue, instrument, begin_ns)
    return low > book.band_low and high < book.band_high


@kernel
def first_touched(venue: int, instrument: int, stream: Any, at: int, limit: int) -> int:
    """Return the first row in [at, limit) whose bar may touch an order of the book, or ``limit``."""
    while at < limit:
        high = float_at(stream.high, at)
        low = float_at(stream.low, at)
        if not untouched(venue, instrument, high, low, int_at(stream.ts, at)):
            return at
        at += 1
    return at
