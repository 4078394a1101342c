"""A person's word on one open position: another stop, target or trailing stop. No rule is asked, and nothing is sized.

What a person has set stands until the position is closed; later fills of an entry do not put the settings' terms back.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import head, order_at, slot_at
from tidemill.kernel.adjust import slot_of
from tidemill.kernel.compile import kernel
from tidemill.kernel.exits import STOP_BY_HAND, TARGET_BY_HAND, TRAIL_BY_HAND, protect
from tidemill.kernel.lost import forget_losses
from tidemill.kernel.orders import request_cancel

__all__ = ["set_protection"]


@kernel
def _note(slot: Any, event: Any) -> None:
    """Write the terms into the position; zero leaves a term as it is."""
    if event.low > 0.0:
        slot.stop_price = event.low
        slot.by_hand |= STOP_BY_HAND
    if event.high > 0.0:
        slot.target_price = event.high
        slot.by_hand |= TARGET_BY_HAND
    if event.bid > 0.0 or event.ask > 0.0:
        slot.trail_amount = event.bid
        slot.trail_pct = event.ask
        slot.by_hand |= TRAIL_BY_HAND


@kernel
def _differs(state: int, slot: Any) -> bool:
    """Tell whether the working stop trails by another distance than the position asks for, or not at all."""
    order = order_at(state, slot.stop_order)
    return order.trail_amount != slot.trail_amount or order.trail_pct != slot.trail_pct


@kernel
def set_protection(state: int) -> None:
    """Set or change the protection of one open position, and bring its orders into line.

    A stop that only moves is replaced at the broker. A new target, and a stop that begins to trail or trails by another
    distance, is sent before the old one is cancelled: the position is never bare, and as all of them belong to one
    one-cancels-other group they cannot close more than there is.
    """
    event = head(state).event
    index = slot_of(state, event.instrument, event.order)
    if index < 0:
        head(state).quarantined += 1
        return
    slot = slot_at(state, index)
    if slot.quantity * event.volume <= 0.0:
        return  # closed or turned since the word was spoken
    _note(slot, event)
    old_stop = -1
    old_target = -1
    if slot.stop_order >= 0 and _differs(state, slot):
        old_stop = slot.stop_order
        slot.stop_order = -1
    if slot.target_order >= 0 and order_at(state, slot.target_order).limit_price != slot.target_price:
        old_target = slot.target_order
        slot.target_order = -1
    forget_losses(slot)
    protect(state, index)
    if old_stop >= 0:
        request_cancel(state, old_stop)
    if old_target >= 0:
        request_cancel(state, old_target)
