"""What the core asks of the simulated exchange: new orders, cancels, replacements."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import book_at, venue_head, venue_order_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.matching.book import append, drop, find_order
from tidemill.kernel.matching.reports import report
from tidemill.model.enums import CommandKind, EventKind, Intent, Refusal

__all__ = ["accept"]

_ENTRY = int(Intent.ENTRY)
_SUBMIT = int(CommandKind.SUBMIT)
_CANCEL = int(CommandKind.CANCEL)
_REPLACE = int(CommandKind.REPLACE)
_ACK = int(EventKind.ACK)
_REJECT = int(EventKind.REJECT)
_CANCELLED = int(EventKind.CANCELLED)
_REPLACED = int(EventKind.REPLACED)
_CANCEL_REFUSED = int(EventKind.CANCEL_REFUSED)
_FULL = int(Refusal.ORDER_TABLE_FULL)


@kernel
def _submit(venue: int, command: Any) -> None:
    """Accept a new order, or reject it when the venue has no room."""
    top = venue_head(venue)
    top.newest = command.order
    if top.free_order < 0:
        top.overflow += 1
        report(venue, _REJECT, command.order, command.row, command.instrument, command.at_ns).code = _FULL
        return
    row = append(venue, command.instrument)
    order = venue_order_at(venue, row)
    order.id = command.order
    order.row = command.row
    order.instrument = command.instrument
    order.side = command.side
    order.type = command.type
    order.tif = command.tif
    order.reduce_only = 0 if command.intent == _ENTRY else 1
    order.quantity = command.quantity
    order.filled = 0.0
    order.limit_price = command.limit_price
    order.stop_price = command.stop_price
    order.trail_amount = command.trail_amount
    order.trail_pct = command.trail_pct
    order.extreme = book_at(venue, command.instrument).last
    order.triggered = 0
    order.group = command.group
    order.parent = command.parent
    if command.parent > 0 and find_order(venue, command.instrument, command.parent) < 0:
        order.parent = 0
    order.active_ns = command.at_ns + top.latency_ns
    order.cancel_ns = 0
    order.day = -1
    order.fee_charged = 0
    order.fee_paid = 0
    report(venue, _ACK, command.order, command.row, command.instrument, command.at_ns)


@kernel
def accept(venue: int, command: Any) -> None:
    """Take one command of the core."""
    if command.kind == _SUBMIT:
        _submit(venue, command)
        return
    row = find_order(venue, command.instrument, command.order)
    latency = venue_head(venue).latency_ns
    if command.kind == _CANCEL:
        if row < 0:
            report(venue, _CANCEL_REFUSED, command.order, command.row, command.instrument, command.at_ns)
        elif latency == 0:
            drop(venue, row, _CANCELLED, command.at_ns)
        else:
            venue_order_at(venue, row).cancel_ns = command.at_ns + latency
            book_at(venue, command.instrument).band_known = 0
    elif command.kind == _REPLACE:
        if row < 0:
            report(venue, _CANCEL_REFUSED, command.order, command.row, command.instrument, command.at_ns)
            return
        order = venue_order_at(venue, row)
        order.quantity = command.quantity
        order.stop_price = command.stop_price
        book_at(venue, command.instrument).band_known = 0
        report(venue, _REPLACED, command.order, command.row, command.instrument, command.at_ns)
