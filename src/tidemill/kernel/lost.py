"""When an order that reduces a position ends without having done so: protect again, close, or leave it and count.

The rule, complete, stands in docs/concepts/execution.md ("When protection is lost"). It is bounded on purpose: a
broker that refuses everything gets one more stop, then one market exit, and then a person is needed.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import head, order_at, slot_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.exits import cancel_entries, close_position, protect
from tidemill.kernel.orders import request_cancel
from tidemill.model.enums import OrderState, OrderType, Reason

__all__ = ["EXIT", "STOP", "TARGET", "close_on", "flatten", "forget_losses", "reducer_ended"]

STOP = 1
TARGET = 2
EXIT = 3

_MARKET = int(OrderType.MARKET)
_CANCELED = int(OrderState.CANCELED)
_EXPIRED = int(OrderState.EXPIRED)
_UNPROTECTED = int(Reason.UNPROTECTED)
_DAY_NS = 86_400_000_000_000  # losses further apart are not in a row
_CLOSES = 3  # exits after one command; docs: flatten is bounded


@kernel
def forget_losses(slot: Any) -> None:
    """Start counting lost protection anew: the position has changed, or a person has spoken."""
    slot.stop_rejects = 0
    slot.stop_cancels = 0
    slot.target_losses = 0


@kernel
def close_on(state: int, index: int) -> None:
    """Send the exit of a position that is to be closed whatever fills, unless one is on its way or enough were sent."""
    slot = slot_at(state, index)
    if slot.closing != 0 and slot.quantity != 0.0 and slot.exit_order < 0 and slot.closes < _CLOSES:
        slot.closes += 1
        close_position(state, index, 0.0, slot.closing)


@kernel
def flatten(state: int, index: int, reason: int) -> None:
    """Close a position at market and whatever still fills into it.

    A working limit exit is cancelled first; the market order follows when it has ended, so the two never add up.
    """
    slot = slot_at(state, index)
    slot.closing = reason
    slot.closes = 0
    cancel_entries(state, index)
    if slot.exit_order >= 0 and order_at(state, slot.exit_order).type != _MARKET:
        request_cancel(state, slot.exit_order)
    close_on(state, index)


@kernel
def _count(state: int, slot: Any, role: int, final: int) -> bool:
    """Count a lost stop or target; tell whether it was one too many."""
    now = head(state).now_ns
    if now - slot.lost_ns > _DAY_NS:
        forget_losses(slot)
    slot.lost_ns = now
    if role == TARGET:
        slot.target_losses += 1
        return slot.target_losses > 1
    if final == _CANCELED:
        slot.stop_cancels += 1
        return slot.stop_cancels > 1
    slot.stop_rejects += 1
    return slot.stop_rejects > 1


@kernel
def reducer_ended(state: int, index: int, role: int, final: int, asked: bool, at_market: bool) -> None:
    """Answer the end, unfilled or partly filled, of an order that reduces a position.

    Args:
        role: STOP or TARGET if it was the slot's, EXIT, or 0: protection the slot had let go of.
        final: OrderState it ended in.
        asked: whether we had asked for its cancellation.
        at_market: whether it was a market order; one that was not taken is not repeated without a look outside.
    """
    slot = slot_at(state, index)
    if slot.quantity == 0.0:
        return
    is_lost = (role == STOP or role == TARGET) and final != _EXPIRED and not (final == _CANCELED and asked)
    if is_lost and _count(state, slot, role, final):
        head(state).unprotected += 1
        if role == STOP and final != _CANCELED:
            flatten(state, index, _UNPROTECTED)
    if role == EXIT and (final == _CANCELED or final == _EXPIRED or not at_market):
        close_on(state, index)
    protect(state, index)
