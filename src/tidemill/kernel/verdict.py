"""The gate's answer to a proposal: no, yes, or yes to a part of it. Everything unclear, late or malformed is a no."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import head, instrument_at, pending_at, proposal_at, slot_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.decide import ask_rules, check_shape, place
from tidemill.kernel.gate import copy_ticket, find_pending, is_late
from tidemill.kernel.money import floor_lot
from tidemill.kernel.refusals import refuse
from tidemill.model.enums import OrderType, Refusal, Verdict

__all__ = ["on_verdict"]

_APPROVE = int(Verdict.APPROVE)
_SCALE = int(Verdict.SCALE)
_STALE = int(Refusal.STALE_VERDICT)
_NO = int(Refusal.GATE_REFUSED)
_MARKET = int(OrderType.MARKET)


@kernel
def _said(state: int, index: int, ticket: Any) -> int:
    """Return 0 if the gate agrees, after cutting the ticket to the part it agrees to.

    A gate less sure than the strategy lowers the confidence of the signal; it never raises it, nor states it alone.
    """
    event = head(state).event
    if is_late(state, index):
        return _STALE
    if not (event.close >= 0.0 and event.close <= 100.0):
        return _NO
    if event.close > 0.0 and event.close < ticket.confidence:
        ticket.confidence = event.close
    if event.code == _APPROVE:
        return 0
    if event.code != _SCALE or not (event.volume > 0.0 and event.volume <= 1.0):
        return _NO
    ticket.quantity = floor_lot(
        ticket.quantity * event.volume, instrument_at(state, slot_at(state, index).instrument).lot
    )
    return 0


@kernel
def _ask_again(state: int, code: int, index: int, ticket: Any) -> int:
    """Ask shape and rules anew, at the price and clock of now and with the bar the proposal was made on."""
    slot = slot_at(state, index)
    if ticket.type == _MARKET:
        ticket.price = instrument_at(state, slot.instrument).last
    refusal = check_shape(ticket)
    if refusal != 0:
        return refusal
    event, pending = head(state).event, pending_at(state, index)
    ts_ns, interval_ns = event.ts_ns, event.interval_ns
    event.ts_ns = pending.ts_ns
    event.interval_ns = pending.interval_ns
    refusal = ask_rules(state, code, slot.tickets)
    event.ts_ns = ts_ns
    event.interval_ns = interval_ns
    return refusal


@kernel
def on_verdict(state: int, tape: int, code: int) -> None:
    """Release, cut or drop the proposal that a VERDICT event names."""
    index = find_pending(state, head(state).event.order)
    if index < 0:
        head(state).unknown_verdicts += 1
        return
    ticket = proposal_at(state, slot_at(state, index).tickets)
    copy_ticket(pending_at(state, index).ticket, ticket)
    pending_at(state, index).id = 0
    refusal = _said(state, index, ticket)
    if refusal == 0:
        refusal = _ask_again(state, code, index, ticket)
    if refusal != 0:
        refuse(state, tape, ticket, refusal)
        return
    place(state, tape, ticket)
