"""Changes of a position that no living order explains: late fills, trades by hand, busts, corrections.

They go through the same ledger as every fill, so cash and positions stay the replay of what was booked.
"""

from __future__ import annotations

import math
from typing import Any

from tidemill.kernel.access import head, instrument_at, slot_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.exits import cancel_reducers, protect, set_terms
from tidemill.kernel.ledger import book_fill, mark_slot
from tidemill.kernel.lost import close_on, forget_losses
from tidemill.kernel.money import rate_of, snap_quantity
from tidemill.model.enums import Intent, Reason

__all__ = ["on_adjust", "slot_of"]

_NONE = int(Intent.NONE)
_ADJUSTMENT = int(Reason.ADJUSTMENT)


@kernel
def slot_of(state: int, instrument: int, strategy: int) -> int:
    """Return the slot of a strategy in an instrument, -1 when it does not trade it."""
    if instrument < 0 or instrument >= head(state).n_instruments:
        return -1
    ins = instrument_at(state, instrument)
    for index in range(ins.first_slot, ins.first_slot + ins.slot_count):
        if slot_at(state, index).strategy == strategy:
            return index
    return -1


@kernel
def _is_bookable(state: int, event: Any) -> bool:
    """Tell whether units and price are numbers that can be booked."""
    units = abs(event.volume)
    if not (units < math.inf and event.close > 0.0 and event.close < math.inf):
        return False
    return (
        snap_quantity(units, instrument_at(state, event.instrument).lot) > 0.0
        and rate_of(state, event.instrument) > 0.0
    )


@kernel
def _stand_in(event: Any, order: Any) -> None:
    """Write down the order that never was: what the ledger and the terms of the protection ask of one."""
    order.id = event.code
    order.side = 1 if event.volume > 0.0 else -1
    order.intent = _NONE
    order.reason = _ADJUSTMENT
    order.stop_loss = event.low
    order.take_profit = event.high
    order.trail_amount = 0.0
    order.trail_pct = 0.0


@kernel
def _recall_terms(slot: Any, order: Any) -> None:
    """Give back the protection of a position that a bust of the same order has just taken away."""
    if order.id > 0 and order.id == slot.entry_order_id and order.side == slot.entry_side:
        order.stop_loss = order.stop_loss if order.stop_loss > 0.0 else slot.stop_price
        order.take_profit = order.take_profit if order.take_profit > 0.0 else slot.target_price
        order.trail_amount = slot.trail_amount
        order.trail_pct = slot.trail_pct


@kernel
def on_adjust(state: int, tape: int) -> None:
    """Book an adjustment and bring protection into line with the position it leaves."""
    top = head(state)
    event = top.event
    index = slot_of(state, event.instrument, event.order)
    if index < 0 or not _is_bookable(state, event):
        top.quarantined += 1
        return
    slot = slot_at(state, index)
    ins = instrument_at(state, event.instrument)
    order = top.adjustment
    _stand_in(event, order)
    before = slot.quantity
    if before == 0.0:
        _recall_terms(slot, order)
    book_fill(state, tape, index, order, abs(event.volume), event.close)
    if ins.last > 0.0:
        mark_slot(state, index, ins.last)  # it may be an old price: positions are valued at the market's
    else:
        ins.last = event.close
    opened = before * slot.quantity <= 0.0 and slot.quantity != 0.0
    if opened:
        slot.entries = 1
    if opened or event.low > 0.0 or event.high > 0.0:
        set_terms(state, index, order)
    forget_losses(slot)
    if slot.quantity == 0.0:
        cancel_reducers(state, index)
        return
    if event.code > 0:
        close_on(state, index)  # a late fill of ours while everything is being closed
    protect(state, index)
