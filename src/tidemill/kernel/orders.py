"""The order table: enlisting, reports, and the state machine. Orders end; their rows are used again.

Invariant: an order never leaves a final state; a fill on an ended order is booked all the same and counted as late.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import account_of, command_at, head, order_at, slot_at, strategy_at
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.money import snap_quantity
from tidemill.kernel.tape import write_order
from tidemill.kernel.transitions import MOVES, QUARANTINE, STAY
from tidemill.model.enums import CommandKind, EventKind, Intent, OrderState

__all__ = [
    "end_order",
    "enlist",
    "find_order",
    "next_live",
    "report_moves",
    "request_cancel",
    "request_replace",
    "take_fill",
]

_SENDING = int(OrderState.SENDING)
_PARTIAL = int(OrderState.PARTIAL)
_WORKING = int(OrderState.WORKING)
_FILLED = int(OrderState.FILLED)
_CANCEL_PENDING = int(OrderState.CANCEL_PENDING)
_REPLACE_PENDING = int(OrderState.REPLACE_PENDING)
_FIRST_FINAL = int(OrderState.FILLED)
_ENTRY = int(Intent.ENTRY)
_ACK = int(EventKind.ACK)
_EXPIRED = int(EventKind.EXPIRED)
_REPLACED = int(EventKind.REPLACED)
_SUBMIT = int(CommandKind.SUBMIT)
_CANCEL = int(CommandKind.CANCEL)
_REPLACE = int(CommandKind.REPLACE)
_REDUCERS = 3  # stop, target and exit
_STAY = int(STAY)
_QUARANTINE = int(QUARANTINE)


@inlined
def _sent_ns(top: Any) -> int:
    """Return when what is sent in this turn leaves: what answers a report leaves at the instant of the report.

    What happens at an open is told when its bar ends, after later instants of other bars have been; the answer does
    not wait for those.
    """
    kind = top.event.kind
    return top.event.now_ns if kind >= _ACK and kind <= _EXPIRED else top.now_ns


@kernel
def _command(state: int, kind: int, row: int) -> Any:
    """Append a command about an order to this turn's list."""
    top = head(state)
    order = order_at(state, row)
    command = command_at(state, top.command_count)
    top.command_count += 1
    command.kind = kind
    command.order = order.id
    command.row = row
    command.instrument = slot_at(state, order.slot).instrument
    command.side = order.side
    command.type = order.type
    command.tif = order.tif
    command.intent = order.intent
    command.quantity = order.quantity
    command.limit_price = order.limit_price
    command.stop_price = order.stop_price
    command.trail_amount = order.trail_amount
    command.trail_pct = order.trail_pct
    command.group = order.group
    command.parent = order.parent
    command.at_ns = _sent_ns(top)
    command.reason = order.reason
    command.stop_loss = order.stop_loss
    command.take_profit = order.take_profit
    command.price = 0.0
    command.confidence = order.confidence
    return command


@kernel
def enlist(state: int, slot: int, side: int, intent: int, kind: int, tif: int, reason: int, quantity: float) -> int:
    """Take a free row for a new order in CREATED and return it, -1 when the table is full.

    Entries leave room for a stop, a target and an exit of every slot: what protects a position is never short of a row.
    """
    top = head(state)
    row = top.free_order
    if row < 0 or top.command_count >= top.n_commands:
        return -1
    if intent == _ENTRY and top.live_orders >= top.n_orders - _REDUCERS * top.n_slots:
        return -1
    order = order_at(state, row)
    top.free_order = order.next
    top.live_orders += 1
    if row >= top.order_rows:
        top.order_rows = row + 1
    order.id = top.next_order_id
    top.next_order_id += 1
    order.slot = slot
    order.state = 1
    order.side = side
    order.type = kind
    order.tif = tif
    order.intent = intent
    order.reason = reason
    order.created_ns = _sent_ns(top)
    order.quantity = quantity
    order.filled = 0.0
    order.filled_value = 0.0
    order.limit_price = 0.0
    order.stop_price = 0.0
    order.trail_amount = 0.0
    order.trail_pct = 0.0
    order.stop_loss = 0.0
    order.take_profit = 0.0
    order.group = 0
    order.parent = 0
    order.reserved = 0
    order.counts = 0
    order.new_quantity = 0.0
    order.new_stop = 0.0
    order.confidence = 0.0
    return row


@kernel
def send(state: int, row: int) -> None:
    """Approve an enlisted order and command its submission."""
    order_at(state, row).state = _SENDING
    _command(state, _SUBMIT, row)


@kernel
def request_cancel(state: int, row: int) -> None:
    """Ask for an order's cancellation, once."""
    order = order_at(state, row)
    if order.state < _FIRST_FINAL and order.state != _CANCEL_PENDING:
        order.state = _CANCEL_PENDING
        _command(state, _CANCEL, row)


@kernel
def request_replace(state: int, row: int, quantity: float, stop_price: float) -> None:
    """Ask for another total quantity and trigger price of a working order."""
    order = order_at(state, row)
    if order.state >= _FIRST_FINAL or order.state == _CANCEL_PENDING:
        return
    order.new_quantity = quantity
    order.new_stop = stop_price
    order.state = _REPLACE_PENDING
    command = _command(state, _REPLACE, row)
    command.quantity = quantity
    if stop_price > 0.0:
        command.stop_price = stop_price


@inlined
def next_live(state: int, row: int) -> int:
    """Return the row of the next living order after ``row`` (-1: from the start), -1 when there is none.

    Rows are used from the low end, so the highest one ever used bounds the search.
    """
    top = head(state)
    row += 1
    while row < top.order_rows and order_at(state, row).id == 0:
        row += 1
    return row if row < top.order_rows else -1


@kernel
def find_order(state: int, order_id: int, hint: int) -> int:
    """Return the row of an order that still lives, -1 when there is none; ``hint`` is where it last stood."""
    top = head(state)
    if hint >= 0 and hint < top.n_orders and order_at(state, hint).id == order_id:
        return hint
    row = next_live(state, -1)
    while row >= 0 and order_at(state, row).id != order_id:
        row = next_live(state, row)
    return row


@kernel
def _other_entry(state: int, ended: int) -> int:
    """Return the row of another working entry of the same slot, -1 when there is none."""
    slot = order_at(state, ended).slot
    row = next_live(state, -1)
    while row >= 0:
        other = order_at(state, row)
        if row != ended and other.slot == slot and other.intent == _ENTRY:
            return row
        row = next_live(state, row)
    return -1


@kernel
def _unlink(state: int, row: int, slot: Any) -> None:
    """Forget an ended order in its slot; of several working entries another one takes its place."""
    if slot.entry_order == row:
        slot.entry_order = _other_entry(state, row)
    if slot.exit_order == row:
        slot.exit_order = -1
    if slot.stop_order == row:
        slot.stop_order = -1
    if slot.target_order == row:
        slot.target_order = -1


@kernel
def end_order(state: int, tape: int, row: int, final: int) -> None:
    """Put an order into a final state, write it, release what it reserved and free its row."""
    top = head(state)
    order = order_at(state, row)
    slot = slot_at(state, order.slot)
    strategy = strategy_at(state, slot.strategy)
    order.state = final
    account_of(state, strategy.account).reserved -= order.reserved
    order.reserved = 0
    if order.counts == 1:
        strategy.pending_entries -= 1
        order.counts = 0
    write_order(state, tape, slot.strategy, slot.instrument, order)
    _unlink(state, row, slot)
    order.id = 0
    order.next = top.free_order
    top.free_order = row
    top.live_orders -= 1


@kernel
def report_moves(state: int, tape: int, row: int, kind: int) -> int:
    """Move an order by a report that is no fill; return its new state, or -2 when the pair is quarantined."""
    order = order_at(state, row)
    before = order.state
    move = MOVES[before, kind]
    if move == _QUARANTINE:
        head(state).quarantined += 1
        return _QUARANTINE
    if kind == _REPLACED and order.new_quantity > 0.0:
        order.quantity = order.new_quantity
        order.new_quantity = 0.0
        if order.new_stop > 0.0:
            order.stop_price = order.new_stop
    if move == _STAY:
        return before
    if move >= _FIRST_FINAL:
        end_order(state, tape, row, move)
        return move
    if move == _WORKING and order.filled > 0.0:
        move = _PARTIAL
    order.state = move
    return move


@kernel
def take_fill(state: int, row: int, quantity: float, price: float, lot: float) -> bool:
    """Add a fill to an order; return whether it is now complete. Its pending-entry count and reserve shrink."""
    order = order_at(state, row)
    slot = slot_at(state, order.slot)
    strategy = strategy_at(state, slot.strategy)
    left = order.quantity - order.filled
    order.filled = snap_quantity(order.filled + quantity, lot)
    order.filled_value += quantity * price
    if order.intent == _ENTRY:
        release = order.reserved
        if quantity < left:
            release = int(order.reserved * (quantity / left))
        order.reserved -= release
        account_of(state, strategy.account).reserved -= release
        if order.counts == 1:
            strategy.pending_entries -= 1
            order.counts = 0
    if order.filled >= order.quantity:
        return True
    if order.state != _CANCEL_PENDING and order.state != _REPLACE_PENDING:
        order.state = _PARTIAL
    return False
