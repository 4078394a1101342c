"""One fill: its quantity, its price after slippage, its commission, and what it does to group and children."""

from __future__ import annotations

import math
from typing import Any

from tidemill.kernel.access import book_at, venue_head, venue_order_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.matching.book import drop, remove
from tidemill.kernel.matching.reports import report
from tidemill.kernel.money import floor_lot, grid_price, micros, snap_quantity
from tidemill.model.enums import EventKind, OrderType, Slippage, TimeInForce

__all__ = ["fill"]

_LIMIT = int(OrderType.LIMIT)
_FOK = int(TimeInForce.FOK)
_FILL = int(EventKind.FILL)
_CANCELLED = int(EventKind.CANCELLED)
_SLIP_FIXED = int(Slippage.FIXED)
_SLIP_PROPORTIONAL = int(Slippage.PROPORTIONAL)
_SLIP_SPREAD = int(Slippage.HALF_SPREAD)


@kernel
def _slipped(book: Any, side: int, price: float, quantity: float) -> float:
    """Return a touched price made worse by the book's slippage, rounded away from us to the tick."""
    slip = 0.0
    if book.slippage == _SLIP_FIXED:
        slip = book.slippage_value
    elif book.slippage == _SLIP_PROPORTIONAL:
        # the share grows with size, by a tenth per thousand units, at most twofold
        slip = price * book.slippage_value / 100.0 * min(1.0 + quantity / 1000.0 * 0.1, 2.0)
    elif book.slippage == _SLIP_SPREAD:
        slip = book.slippage_value / 2.0
    if slip == 0.0:
        return price
    worse = price + side * slip
    if book.tick > 0.0:
        steps = worse / book.tick
        worse = grid_price(math.ceil(steps - 1e-9) if side > 0 else math.floor(steps + 1e-9), book.tick)
    return max(worse, book.tick)


@kernel
def _fee(book: Any, order: Any, quantity: float, price: float) -> int:
    """Return the commission of a fill, micros.

    An order as a whole pays the sum of its fills' commissions or the minimum, whichever is more.
    """
    if book.fee_unit == 0.0 and book.fee_pct == 0.0 and book.fee_minimum == 0.0:
        return 0
    fee = micros(quantity * book.fee_unit) + micros(quantity * price * book.multiplier * book.fee_pct / 100.0)
    order.fee_charged += fee
    due = max(order.fee_charged, micros(book.fee_minimum)) - order.fee_paid
    order.fee_paid += due
    return due


@kernel
def _settle_group(venue: int, group: int, filled_row: int, instrument: int, quantity: float, ts_ns: int) -> None:
    """One cancels other: reducers shrink by what a sibling filled, entries of a group end at its first fill."""
    book = book_at(venue, instrument)
    if group > 0:
        row = book.first
        while row >= 0:
            order = venue_order_at(venue, row)
            if row != filled_row and order.group == group:
                order.quantity = max(snap_quantity(order.quantity - quantity, book.lot), order.filled)
            row = order.next
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if row != filled_row and order.group == group and (group < 0 or order.quantity <= order.filled):
            drop(venue, row, _CANCELLED, ts_ns)
            row = book.first
        else:
            row = order.next


@kernel
def _release_children(venue: int, instrument: int, parent: int, ts_ns: int) -> None:
    row = book_at(venue, instrument).first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.parent == parent:
            order.parent = 0
            order.active_ns = max(order.active_ns, ts_ns)
            order.extreme = book_at(venue, instrument).last
        row = order.next


@kernel
def fill(venue: int, row: int, touched: float, phase: int, ts_ns: int, slips: bool) -> None:
    """Fill what the bar's volume allows of an order at a touched price, and report it."""
    order = venue_order_at(venue, row)
    instrument = order.instrument
    book = book_at(venue, instrument)
    most = order.quantity
    if order.type == _LIMIT:
        most = min(most, order.good_for)  # units bought in this stage may not reach their target in it
    left = snap_quantity(most - order.filled, book.lot)
    quantity = left
    if quantity <= 0.0:
        return
    if venue_head(venue).volume_cap > 0.0:
        quantity = min(left, floor_lot(book.available, book.lot))
        if quantity < left and (order.tif == _FOK or venue_head(venue).allow_partial == 0):
            quantity = 0.0
        if quantity <= 0.0:
            return
        book.available -= quantity
    price = _slipped(book, order.side, touched, quantity) if slips else touched
    book.last = touched
    order.filled = snap_quantity(order.filled + quantity, book.lot)
    row_report = report(venue, _FILL, order.id, order.row, instrument, ts_ns)
    row_report.close = price
    row_report.volume = quantity
    row_report.code = phase
    row_report.money = _fee(book, order, quantity, price)
    row_report.extra = micros(abs(price - touched) * quantity * book.multiplier)
    order_id = order.id
    if order.group != 0:
        _settle_group(venue, order.group, row, instrument, quantity, ts_ns)
    if order.filled >= order.quantity:
        _release_children(venue, instrument, order_id, ts_ns)
        remove(venue, row)
