"""The orders of one instrument, chained by rising number, which is their time priority."""

from __future__ import annotations

from tidemill.kernel.access import book_at, venue_head, venue_order_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.matching.reports import report
from tidemill.kernel.money import floor_lot
from tidemill.model.enums import EventKind

__all__ = ["append", "drop", "find_order", "remove", "split_orders"]

_CANCELLED = int(EventKind.CANCELLED)


@kernel
def find_order(venue: int, instrument: int, order_id: int) -> int:
    """Return the row of an order in an instrument's book, -1 when it does not work there."""
    row = book_at(venue, instrument).first
    while row >= 0 and venue_order_at(venue, row).id != order_id:
        row = venue_order_at(venue, row).next
    return row


@kernel
def append(venue: int, instrument: int) -> int:
    """Link a free row at the end of an instrument's book, so that orders keep their time priority."""
    top = venue_head(venue)
    row = top.free_order
    top.free_order = venue_order_at(venue, row).next
    top.working += 1
    venue_order_at(venue, row).next = -1
    book = book_at(venue, instrument)
    book.band_known = 0
    if book.first < 0:
        book.first = row
    else:
        last = book.first
        while venue_order_at(venue, last).next >= 0:
            last = venue_order_at(venue, last).next
        venue_order_at(venue, last).next = row
    return row


@kernel
def remove(venue: int, row: int) -> None:
    """Take an order out of its book and free its row."""
    top = venue_head(venue)
    order = venue_order_at(venue, row)
    book = book_at(venue, order.instrument)
    if book.first == row:
        book.first = order.next
    else:
        before = book.first
        while venue_order_at(venue, before).next != row:
            before = venue_order_at(venue, before).next
        venue_order_at(venue, before).next = order.next
    order.id = 0
    order.next = top.free_order
    top.free_order = row
    top.working -= 1
    book.band_known = 0


@kernel
def drop(venue: int, row: int, kind: int, ts_ns: int) -> None:
    """End an order without a fill and report it; what waited for it ends with it."""
    order = venue_order_at(venue, row)
    order_id = order.id
    instrument = order.instrument
    report(venue, kind, order_id, order.row, instrument, ts_ns)
    remove(venue, row)
    row = book_at(venue, instrument).first
    while row >= 0:
        waiting = venue_order_at(venue, row)
        if waiting.parent > 0 and find_order(venue, instrument, waiting.parent) < 0:
            report(venue, _CANCELLED, waiting.id, waiting.row, instrument, ts_ns)
            remove(venue, row)
            row = book_at(venue, instrument).first  # its own children, if any, may stand anywhere
        else:
            row = waiting.next


@kernel
def split_orders(venue: int, instrument: int, ratio: float) -> None:
    """Restate the working orders of an instrument after a split: quantities times, prices divided by the ratio.

    Quantities are rounded down to the lot, as positions are; an order of which nothing is left is cancelled.
    """
    book = book_at(venue, instrument)
    book.band_known = 0
    book.last /= ratio
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        order.quantity = floor_lot(order.quantity * ratio, book.lot)
        order.filled = floor_lot(order.filled * ratio, book.lot)
        order.limit_price /= ratio
        order.stop_price /= ratio
        order.trail_amount /= ratio
        order.extreme /= ratio
        row = order.next
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.quantity <= order.filled:
            drop(venue, row, _CANCELLED, order.active_ns)
            row = book.first
        else:
            row = order.next
