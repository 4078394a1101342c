"""Proposals that are not placed at once: told as signals, or held until a gate outside has answered.

Invariant: at most one proposal per slot pends; each ends in an order, in a refusal that is written, or still pends.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import command_at, head, pending_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.refusals import refuse
from tidemill.model.enums import CommandKind, Refusal

__all__ = ["copy_ticket", "find_pending", "hold", "is_late", "lapse", "tell", "void"]

_PROPOSE = int(CommandKind.PROPOSE)
_NOTIFY = int(CommandKind.NOTIFY)
_SIGNAL_ONLY = int(Refusal.SIGNAL_ONLY)
_ORDER_PENDING = int(Refusal.ORDER_PENDING)
_STALE = int(Refusal.STALE_VERDICT)


@kernel
def copy_ticket(source: Any, target: Any) -> None:
    """Copy what a ticket asks for; whose it is stays."""
    target.side = source.side
    target.intent = source.intent
    target.type = source.type
    target.tif = source.tif
    target.reason = source.reason
    target.quantity = source.quantity
    target.limit_price = source.limit_price
    target.stop_price = source.stop_price
    target.stop_loss = source.stop_loss
    target.take_profit = source.take_profit
    target.trail_amount = source.trail_amount
    target.trail_pct = source.trail_pct
    target.group = 0  # what one step proposes together is not judged together
    target.parent = 0
    target.add = source.add
    target.order_id = 0
    target.confidence = source.confidence
    target.price = source.price


@kernel
def tell(state: int, kind: int, number: int, ticket: Any) -> None:
    """Append a command that carries a ticket instead of an order."""
    top = head(state)
    if top.command_count >= top.n_commands:
        return
    command = command_at(state, top.command_count)
    top.command_count += 1
    command.kind = kind
    command.order = number
    command.row = ticket.slot
    command.instrument = slot_at(state, ticket.slot).instrument
    command.side = ticket.side
    command.type = ticket.type
    command.tif = ticket.tif
    command.intent = ticket.intent
    command.quantity = ticket.quantity
    command.limit_price = ticket.limit_price
    command.stop_price = ticket.stop_price
    command.trail_amount = ticket.trail_amount
    command.trail_pct = ticket.trail_pct
    command.group = ticket.group
    command.parent = ticket.parent
    command.at_ns = top.now_ns
    command.reason = ticket.reason
    command.stop_loss = ticket.stop_loss
    command.take_profit = ticket.take_profit
    command.price = ticket.price
    command.confidence = ticket.confidence


@kernel
def void(state: int, tape: int, index: int) -> None:
    """Refuse a slot's pending proposal, if there is one: it has been overtaken."""
    pending = pending_at(state, index)
    if pending.id > 0:
        refuse(state, tape, pending.ticket, _STALE)
        pending.id = 0


@kernel
def hold(state: int, tape: int, ticket: Any, settings: Any) -> int:
    """Tell an accepted entry as a signal, or keep it and ask the gate; return why it is refused, 0 when it is kept.

    A newer proposal takes the place of one that nobody has answered yet. Of one step only the first entry is kept.
    """
    if settings.signals_only == 1:
        tell(state, _NOTIFY, 0, ticket)
        return _SIGNAL_ONLY
    top = head(state)
    pending = pending_at(state, ticket.slot)
    event = top.event
    if pending.id > 0 and pending.ts_ns == event.ts_ns and pending.interval_ns == event.interval_ns:
        return _ORDER_PENDING
    void(state, tape, ticket.slot)
    pending.id = top.next_proposal_id
    top.next_proposal_id += 1
    pending.asked_ns = top.now_ns
    pending.ts_ns = event.ts_ns
    pending.interval_ns = event.interval_ns
    pending.ticket.slot = ticket.slot
    copy_ticket(ticket, pending.ticket)
    tell(state, _PROPOSE, pending.id, ticket)
    return 0


@kernel
def find_pending(state: int, number: int) -> int:
    """Return the slot whose proposal has a number, -1 when it no longer pends."""
    for index in range(head(state).n_pendings):
        if number > 0 and pending_at(state, index).id == number:
            return index
    return -1


@kernel
def is_late(state: int, index: int) -> bool:
    """Tell whether the time for an answer to a slot's pending proposal is over."""
    settings = strategy_at(state, slot_at(state, index).strategy)
    return head(state).now_ns - pending_at(state, index).asked_ns > settings.gate_ttl_ns


@kernel
def lapse(state: int, tape: int) -> None:
    """Refuse every proposal whose gate has not answered in time."""
    for index in range(head(state).n_pendings):
        if is_late(state, index):
            void(state, tape, index)
