"""What events other than bars change: fills, other reports of orders, proposals from outside, splits."""

from __future__ import annotations

from tidemill.kernel.access import (
    head,
    instrument_at,
    order_at,
    proposal_at,
    slot_at,
)
from tidemill.kernel.compile import kernel
from tidemill.kernel.decide import decide
from tidemill.kernel.exits import (
    cancel_reducers,
    protect,
    set_terms,
    shrink_reducers,
)
from tidemill.kernel.gate import void
from tidemill.kernel.ledger import apply_split, book_fill
from tidemill.kernel.lost import EXIT, STOP, TARGET, close_on, forget_losses, reducer_ended
from tidemill.kernel.money import floor_lot
from tidemill.kernel.orders import end_order, find_order, report_moves, request_cancel, take_fill
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Reason

__all__ = ["on_fill", "on_intent", "on_report", "on_split"]

_CANCEL_REFUSED = int(EventKind.CANCEL_REFUSED)
_ENTRY = int(Intent.ENTRY)
_EXIT = int(Intent.EXIT)
_MARKET = int(OrderType.MARKET)
_FILLED = int(OrderState.FILLED)
_CANCEL_PENDING = int(OrderState.CANCEL_PENDING)
_REPLACE_PENDING = int(OrderState.REPLACE_PENDING)
_MANUAL = int(Reason.MANUAL)


@kernel
def on_fill(state: int, tape: int) -> None:
    """Book a fill, then bring protection and sibling orders into line with the position."""
    top = head(state)
    event = top.event
    row = find_order(state, event.order, event.row)
    if row < 0:
        top.late_fills += 1
        return
    order = order_at(state, row)
    index = order.slot
    slot = slot_at(state, index)
    ins = instrument_at(state, event.instrument)
    ins.last = event.close
    intent = order.intent
    book_fill(state, tape, index, order, event.volume, event.close)
    complete = take_fill(state, row, event.volume, event.close, ins.lot)
    if intent == _ENTRY:
        slot.entries += 1 if complete else 0
        set_terms(state, index, order)
    else:
        shrink_reducers(state, index, row, event.volume)
    if complete:
        end_order(state, tape, row, _FILLED)
    forget_losses(slot)
    if slot.quantity == 0.0:
        if top.halted == 0:
            slot.closing = 0
        cancel_reducers(state, index)
    else:
        close_on(state, index)
        protect(state, index)


@kernel
def on_report(state: int, tape: int, kind: int) -> None:
    """Take a report that is no fill; an exit or protection that ended unfilled does not leave the position bare."""
    row = find_order(state, head(state).event.order, head(state).event.row)
    if row < 0:
        if kind != _CANCEL_REFUSED:  # a cancel that crossed the order's own end
            head(state).quarantined += 1
        return
    order = order_at(state, row)
    index = order.slot
    slot = slot_at(state, index)
    before = order.state
    at_market = order.type == _MARKET
    reduces = order.intent != _ENTRY
    role = EXIT if order.intent == _EXIT else 0
    if slot.stop_order == row:
        role = STOP
    elif slot.target_order == row:
        role = TARGET
    moved = report_moves(state, tape, row, kind)
    if reduces and moved >= _FILLED:
        reducer_ended(state, index, role, moved, before == _CANCEL_PENDING, at_market)
    elif reduces and kind == _CANCEL_REFUSED and before == _REPLACE_PENDING:
        request_cancel(state, row)  # it keeps a size that is wrong: another one takes its place
        protect(state, index)


@kernel
def on_intent(state: int, tape: int, code: int) -> None:
    """Take a proposal from outside (a person, a webhook, an analyst) through the same door as a strategy's."""
    event = head(state).event
    ins = instrument_at(state, event.instrument)
    for index in range(ins.first_slot, ins.first_slot + ins.slot_count):
        if slot_at(state, index).strategy == event.order:
            ticket = proposal_at(state, slot_at(state, index).tickets)
            ticket.side = event.code
            ticket.intent = event.extra
            ticket.type = -1 if event.bid <= 0.0 and event.ask <= 0.0 else (1 if event.ask <= 0.0 else 2)
            if event.bid > 0.0 and event.ask > 0.0:
                ticket.type = 3
            ticket.tif = event.money - 1
            ticket.reason = _MANUAL
            ticket.quantity = event.volume
            ticket.limit_price = event.bid
            ticket.stop_price = event.ask
            ticket.stop_loss = event.low
            ticket.take_profit = event.high
            ticket.trail_amount = 0.0
            ticket.trail_pct = 0.0
            ticket.group = 0
            ticket.parent = 0
            ticket.add = 1
            ticket.confidence = event.close
            decide(state, tape, code, slot_at(state, index).tickets)


@kernel
def on_split(state: int, tape: int) -> None:
    """Apply a split to the position and to every order that lives on the old prices."""
    top = head(state)
    event = top.event
    ratio = event.close
    ins = instrument_at(state, event.instrument)
    lot = ins.lot
    apply_split(state, tape, event.instrument, ratio)
    for index in range(ins.first_slot, ins.first_slot + ins.slot_count):
        forget_losses(slot_at(state, index))
        if top.n_pendings > 0:
            void(state, tape, index)
    for row in range(top.n_orders):
        order = order_at(state, row)
        if order.id > 0 and slot_at(state, order.slot).instrument == event.instrument:
            order.quantity = floor_lot(order.quantity * ratio, lot)
            order.filled = floor_lot(order.filled * ratio, lot)
            order.limit_price /= ratio
            order.stop_price /= ratio
            order.trail_amount /= ratio
            order.stop_loss /= ratio
            order.take_profit /= ratio
