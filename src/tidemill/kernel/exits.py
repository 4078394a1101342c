"""Protection: stop, target and trailing stop of every position, and the exits that time and session demand.

The core owns brackets, so they are tested once for every strategy and venue. All orders that reduce one position
share one one-cancels-other group (the slot's number + 1): whatever fills first shrinks the others by as much, so an
exit can never flip a position. No window, limit, sizing rule or gate is asked.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import head, instrument_at, order_at, slot_at, strategy_at
from tidemill.kernel.clock import next_close_ns
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.money import micros, snap_price, snap_quantity
from tidemill.kernel.orders import enlist, next_live, request_cancel, request_replace, send
from tidemill.model.enums import Intent, OrderState, OrderType, Reason, TimeInForce

__all__ = [
    "STOP_BY_HAND",
    "TARGET_BY_HAND",
    "TRAIL_BY_HAND",
    "average_price",
    "cancel_entries",
    "cancel_reducers",
    "close_position",
    "protect",
    "session_exit",
    "set_terms",
    "shrink_reducers",
    "timed_exits",
]

_PROTECT = int(Intent.PROTECT)
_SENDING = int(OrderState.SENDING)
_EXIT = int(Intent.EXIT)
_ENTRY = int(Intent.ENTRY)
_MARKET = int(OrderType.MARKET)
_LIMIT = int(OrderType.LIMIT)
_STOP = int(OrderType.STOP)
_TRAILING = int(OrderType.TRAILING_STOP)
_CANCEL_PENDING = int(OrderState.CANCEL_PENDING)
_REPLACE_PENDING = int(OrderState.REPLACE_PENDING)
_GTC = int(TimeInForce.GTC)
_STOP_LOSS = int(Reason.STOP_LOSS)
_TAKE_PROFIT = int(Reason.TAKE_PROFIT)
_TRAIL = int(Reason.TRAILING_STOP)
_TIME_EXIT = int(Reason.TIME_EXIT)
_SESSION_END = int(Reason.SESSION_END)
STOP_BY_HAND = 1
TARGET_BY_HAND = 2
TRAIL_BY_HAND = 4


@kernel
def average_price(slot: Any) -> float:
    """Return the average entry price of the round trip in progress."""
    if slot.entry_side > 0:
        return slot.bought_value / slot.bought if slot.bought > 0.0 else 0.0
    return slot.sold_value / slot.sold if slot.sold > 0.0 else 0.0


@kernel
def set_terms(state: int, index: int, order: Any) -> None:
    """Fix stop, target and trail of a position after an entry fill: the order's own terms, else the settings'.

    An entry of the other side that only made the position smaller brings no terms. Terms a person has set stand.
    """
    slot = slot_at(state, index)
    if order.side * slot.quantity <= 0.0:
        return
    settings = strategy_at(state, slot.strategy)
    ins = instrument_at(state, slot.instrument)
    average = average_price(slot)
    side = 1.0 if slot.quantity > 0.0 else -1.0
    if slot.by_hand & STOP_BY_HAND == 0:
        if order.stop_loss > 0.0:
            slot.stop_price = order.stop_loss
        elif settings.stop_loss_pct > 0.0:
            slot.stop_price = snap_price(average * (1.0 - side * settings.stop_loss_pct / 100.0), ins.tick)
    if slot.by_hand & TARGET_BY_HAND == 0:
        if order.take_profit > 0.0:
            slot.target_price = order.take_profit
        elif settings.take_profit_pct > 0.0:
            slot.target_price = snap_price(average * (1.0 + side * settings.take_profit_pct / 100.0), ins.tick)
    if slot.by_hand & TRAIL_BY_HAND == 0:
        is_own = order.trail_amount > 0.0 or order.trail_pct > 0.0
        slot.trail_amount = order.trail_amount if is_own else settings.trailing_amount
        slot.trail_pct = order.trail_pct if is_own else settings.trailing_pct
    if slot.trip_risk == 0 and slot.stop_price > 0.0:
        slot.trip_risk = micros(abs(average - slot.stop_price) * abs(slot.quantity) * ins.multiplier)


@inlined
def _size_to_be(order: Any) -> float:
    """Return the total quantity an order has, or will have once the replacement on its way has arrived."""
    return order.new_quantity if order.state == _REPLACE_PENDING else order.quantity


@kernel
def _place_stop(state: int, index: int, size: float, side: int) -> None:
    """Place or enlarge the protective stop; a trailing stop takes its place where both are set."""
    slot = slot_at(state, index)
    trailing = slot.trail_amount > 0.0 or slot.trail_pct > 0.0
    row = slot.stop_order
    if row >= 0:
        order = order_at(state, row)
        want = snap_quantity(order.filled + size, instrument_at(state, slot.instrument).lot)
        stop = order.new_stop if order.state == _REPLACE_PENDING and order.new_stop > 0.0 else order.stop_price
        moved = slot.stop_price > 0.0 and stop != slot.stop_price
        if _size_to_be(order) != want or moved:
            request_replace(state, row, want, slot.stop_price)
        return
    if slot.stop_price <= 0.0 and not trailing:
        return
    if slot.stop_rejects > 1 or slot.stop_cancels > 1:
        return  # left off: see kernel/lost.py
    kind = _TRAILING if trailing else _STOP
    row = enlist(state, index, side, _PROTECT, kind, _GTC, _TRAIL if trailing else _STOP_LOSS, size)
    if row < 0:
        head(state).unprotected += 1
        return
    order = order_at(state, row)
    order.group = index + 1
    order.stop_price = slot.stop_price
    order.trail_amount = slot.trail_amount
    order.trail_pct = slot.trail_pct
    slot.stop_order = row
    send(state, row)


@kernel
def _place_target(state: int, index: int, size: float, side: int) -> None:
    """Place or enlarge the protective target."""
    slot = slot_at(state, index)
    row = slot.target_order
    if row >= 0:
        order = order_at(state, row)
        want = snap_quantity(order.filled + size, instrument_at(state, slot.instrument).lot)
        if _size_to_be(order) != want:
            request_replace(state, row, want, 0.0)
        return
    if slot.target_price <= 0.0 or slot.target_losses > 1:
        return
    row = enlist(state, index, side, _PROTECT, _LIMIT, _GTC, _TAKE_PROFIT, size)
    if row < 0:
        head(state).unprotected += 1
        return
    order = order_at(state, row)
    order.group = index + 1
    order.limit_price = slot.target_price
    slot.target_order = row
    send(state, row)


@inlined
def _is_useless(order: Any, side: int) -> bool:
    return order.side != side or order.state == _CANCEL_PENDING


@kernel
def _drop_useless(state: int, slot: Any, side: int) -> None:
    """Let go of orders that cannot protect this position: those of the side it had before, and dying protection."""
    if slot.exit_order >= 0 and order_at(state, slot.exit_order).side != side:
        request_cancel(state, slot.exit_order)
        slot.exit_order = -1
    if slot.stop_order >= 0 and _is_useless(order_at(state, slot.stop_order), side):
        request_cancel(state, slot.stop_order)
        slot.stop_order = -1
    if slot.target_order >= 0 and _is_useless(order_at(state, slot.target_order), side):
        request_cancel(state, slot.target_order)
        slot.target_order = -1


@kernel
def _fit_exit(state: int, slot: Any, size: float) -> None:
    """Let an exit on its way close no more than is left; an entry of the other side may have made that less."""
    row = slot.exit_order
    if row < 0:
        return
    order = order_at(state, row)
    want = snap_quantity(order.filled + size, instrument_at(state, slot.instrument).lot)
    if _size_to_be(order) > want:
        request_replace(state, row, want, 0.0)


@kernel
def protect(state: int, index: int) -> None:
    """Bring the protection of a position to its size, derived anew from the position itself."""
    slot = slot_at(state, index)
    size = abs(slot.quantity)
    if size == 0.0:
        return
    side = -1 if slot.quantity > 0.0 else 1
    _drop_useless(state, slot, side)
    _fit_exit(state, slot, size)
    _place_stop(state, index, size, side)
    _place_target(state, index, size, side)


@kernel
def shrink_reducers(state: int, index: int, filled_row: int, quantity: float) -> None:
    """Mirror the venue's one-cancels-other rule: the other orders of the group shrink by what one has filled.

    Orders that the slot has let go of belong to the group until their cancellation arrives. One not acknowledged
    yet reached the venue after this fill, so the venue has not shrunk it: `protect` asks for its new size.
    """
    lot = instrument_at(state, slot_at(state, index).instrument).lot
    row = next_live(state, -1)
    while row >= 0:
        order = order_at(state, row)
        if row != filled_row and order.group == index + 1 and order.state != _SENDING:
            order.quantity = max(snap_quantity(order.quantity - quantity, lot), order.filled)
        row = next_live(state, row)


@kernel
def cancel_reducers(state: int, index: int) -> None:
    """Ask for the cancellation of every order that would reduce a position that no longer exists."""
    slot = slot_at(state, index)
    if slot.exit_order >= 0:
        request_cancel(state, slot.exit_order)
    if slot.stop_order >= 0:
        request_cancel(state, slot.stop_order)
    if slot.target_order >= 0:
        request_cancel(state, slot.target_order)


@kernel
def cancel_entries(state: int, index: int) -> None:
    """Ask for the cancellation of every working entry of a slot; there may be several that cancel each other."""
    if slot_at(state, index).entry_order < 0:
        return
    row = next_live(state, -1)
    while row >= 0:
        order = order_at(state, row)
        if order.slot == index and order.intent == _ENTRY:
            request_cancel(state, row)
        row = next_live(state, row)


@kernel
def close_position(state: int, index: int, quantity: float, reason: int) -> None:
    """Send a market order that reduces a position by ``quantity`` (0 = all of it) unless an exit is on its way.

    A part is rounded to the nearest lot and is one lot at least.
    """
    slot = slot_at(state, index)
    size = abs(slot.quantity)
    if size == 0.0 or slot.exit_order >= 0:
        return
    cancel_entries(state, index)
    lot = instrument_at(state, slot.instrument).lot
    amount = size if quantity <= 0.0 else min(max(snap_quantity(quantity, lot), lot), size)
    side = -1 if slot.quantity > 0.0 else 1
    row = enlist(state, index, side, _EXIT, _MARKET, _GTC, reason, amount)
    if row < 0:
        return
    order_at(state, row).group = index + 1
    slot.exit_order = row
    send(state, row)


@kernel
def session_exit(state: int, index: int, interval_ns: int) -> None:
    """Close a position whose session is about to end; daily bars (``interval_ns``) know no hours."""
    slot = slot_at(state, index)
    if interval_ns < 86_400_000_000_000:
        now = head(state).now_ns
        close = next_close_ns(state, instrument_at(state, slot.instrument).calendar, now)
        if close - now <= strategy_at(state, slot.strategy).flat_before_close_ns:
            close_position(state, index, 0.0, _SESSION_END)


@kernel
def timed_exits(state: int, index: int, interval_ns: int) -> None:
    """Close a position that was held long enough, or whose session is about to end."""
    slot = slot_at(state, index)
    settings = strategy_at(state, slot.strategy)
    if settings.max_bars_held > 0 and slot.bars_seen + 1 - slot.entry_bar >= settings.max_bars_held:
        close_position(state, index, 0.0, _TIME_EXIT)
    if settings.flat_before_close_ns > 0:
        session_exit(state, index, interval_ns)
