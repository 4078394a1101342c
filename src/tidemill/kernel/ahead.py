"""Running ahead: bars on which nothing can happen but a strategy's own step are stepped in one go.

A step sees its bar, its memory and whether it holds or waits; while a slot has no living order, none of that depends
on anything but the bars. So its steps may be taken early, up to the first proposal, and the bars between pass as quiet
ones: marked, counted, written, exactly as one by one. Parity tests hold the two ways byte for byte together.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    head,
    proposal_at,
    slot_at,
    strategy_at,
)
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.matching import first_touched
from tidemill.kernel.memory import call4, float_at, int_at, prefetch, row_at
from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT

__all__ = ["is_quiet", "load_event", "run_ahead", "step_stream"]

_BAR = int(EventKind.BAR)
_NEVER = 9_223_372_036_854_775_807


@inlined
def step_stream(stream: Any) -> None:
    """Move a stream's cursor to its next row."""
    at = stream.at + 1
    stream.at = at
    if at >= stream.length:
        stream.next_ns = _NEVER
    elif stream.kind == _BAR:
        stream.next_ns = int_at(stream.ts, at) + stream.duration_ns
    else:
        stream.next_ns = row_at(stream.ts, at, stream.length, EVENT).now_ns


@inlined
def load_event(state: int, stream: Any) -> None:
    """Copy the row under a stream's cursor into the state's event.

    Of a bar that the strategy has stepped on already only what is still read: columns that are not in use lie in slow
    memory. What the next bar will be matched on is asked for ahead of time.
    """
    event = head(state).event
    at = stream.at
    if stream.kind != _BAR:
        row = row_at(stream.ts, at, stream.length, EVENT)
        event.kind = row.kind
        event.instrument = row.instrument
        event.ts_ns = row.ts_ns
        event.now_ns = row.now_ns
        event.close = row.close
        event.volume = row.volume
        event.bid = row.bid
        event.ask = row.ask
        event.order = row.order
        event.code = row.code
        event.money = row.money
        event.extra = row.extra
        event.low = row.low
        event.high = row.high
        return
    event.kind = _BAR
    event.instrument = stream.instrument
    event.ts_ns = int_at(stream.ts, at)
    event.now_ns = stream.next_ns
    event.interval_ns = stream.interval_ns
    event.close = float_at(stream.close, at)
    if stream.slot >= 0 and slot_at(state, stream.slot).stepped == 1:
        prefetch(stream.open, at + 1)
        prefetch(stream.high, at + 1)
        prefetch(stream.low, at + 1)
        if slot_at(state, stream.slot).quantity == 0.0:
            return
    else:
        event.open = float_at(stream.open, at)
        event.volume = float_at(stream.volume, at)
    event.high = float_at(stream.high, at)
    event.low = float_at(stream.low, at)


@kernel
def run_ahead(state: int, venue: int, code: int, stream: Any, address: int, until_ns: int, is_matched: bool) -> None:
    """Step a stream's slot from the cursor on, up to its first proposal, if nothing but bars can concern it.

    Args:
        stream: the stream's record, and ``address`` where it lies.
        until_ns: rows known at or after this instant are left alone (an operator or a split may come first).
        is_matched: whether the bar under the cursor has met the exchange already.
    """
    index = stream.slot
    slot = slot_at(state, index)
    settings = strategy_at(state, slot.strategy)
    busy = slot.entry_order >= 0 or slot.exit_order >= 0
    if busy or (slot.quantity != 0.0 and settings.watches == 1):
        return
    limit = stream.length
    if until_ns != _NEVER:
        limit = stream.at
        while limit < stream.length and int_at(stream.ts, limit) + stream.duration_ns < until_ns:
            limit += 1
    if slot.stop_order >= 0 or slot.target_order >= 0:
        limit = first_touched(venue, stream.instrument, stream, stream.at + (1 if is_matched else 0), limit)
    if limit <= stream.at:
        return
    for number in range(slot.tickets, slot.tickets + settings.tickets):
        ticket = proposal_at(state, number)
        ticket.side = 0
        ticket.held = slot.quantity
        ticket.traded = 1 if slot.peak_quantity > 0.0 else 0
        ticket.pending = 0
    stream.ahead = call4(int_at(code, 2 + slot.strategy), state, index, address, limit)
    stream.found = 0
    for number in range(slot.tickets, slot.tickets + settings.tickets):
        if proposal_at(state, number).side != 0:
            stream.found = 1


@inlined
def is_quiet(stream: Any) -> bool:
    """Tell whether the bar under the cursor was stepped already without a proposal."""
    return stream.at < stream.ahead - stream.found
