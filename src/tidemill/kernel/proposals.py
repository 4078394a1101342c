"""The words a strategy speaks: buy, sell, close, go long, go short, and orders that belong together.

A step writes its wish into a ticket; sizing, rules and orders come after it, in the core. Prices are in the
instrument's quote currency, quantities in units; zero means "let the settings decide".
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.compile import kernel
from tidemill.model.enums import Intent, OrderType, Reason

__all__ = ["buy", "close", "go_long", "go_short", "oco", "sell", "then"]

_ENTRY = int(Intent.ENTRY)
_EXIT = int(Intent.EXIT)
_SIGNAL = int(Reason.SIGNAL)
_LIMIT = int(OrderType.LIMIT)
_STOP = int(OrderType.STOP)
_STOP_LIMIT = int(OrderType.STOP_LIMIT)


@kernel
def _write(
    order: Any,
    side: int,
    intent: int,
    quantity: float,
    limit: float,
    trigger: float,
    stop: float,
    target: float,
    trail: float,
    trail_pct: float,
    tif: int,
    reason: int,
    add: int,
    confidence: float,
) -> None:
    """Fill in every field of a ticket, so that nothing of an earlier bar is left on it."""
    kind = -1
    if trigger > 0.0:
        kind = _STOP_LIMIT if limit > 0.0 else _STOP
    elif limit > 0.0:
        kind = _LIMIT
    order.side = side
    order.intent = intent
    order.type = kind
    order.tif = tif
    order.reason = reason
    order.quantity = quantity
    order.limit_price = limit
    order.stop_price = trigger
    order.stop_loss = stop
    order.take_profit = target
    order.trail_amount = trail
    order.trail_pct = trail_pct
    order.group = 0
    order.parent = 0
    order.add = add
    order.order_id = 0
    order.confidence = confidence


@kernel
def buy(
    order: Any,
    quantity: float = 0.0,
    limit: float = 0.0,
    trigger: float = 0.0,
    stop: float = 0.0,
    target: float = 0.0,
    trail: float = 0.0,
    trail_pct: float = 0.0,
    tif: int = -1,
    reason: int = _SIGNAL,
    add: int = 0,
    confidence: float = 0.0,
) -> None:
    """Buy: cover a short position if there is one, else open a long one.

    Args:
        order: the step's ticket.
        quantity: units; 0 lets the sizing method decide (or closes the whole short position).
        limit: highest price to pay; 0 = none.
        trigger: buy only once the price has risen to it (stop order); 0 = none.
        stop, target: protective stop and target of the new position, prices; 0 lets the settings decide.
        trail, trail_pct: trailing stop in points or percent; 0 lets the settings decide.
        tif: a TimeInForce, -1 for the settings' own.
        reason: a Reason, shown on fills and round trips.
        add: 1 to add to a position that is already long.
        confidence: how sure the signal is, 0 to 100; 0 states none, which limits that ask for one refuse.
    """
    intent = _EXIT if order.held < 0.0 else _ENTRY
    _write(order, 1, intent, quantity, limit, trigger, stop, target, trail, trail_pct, tif, reason, add, confidence)


@kernel
def sell(
    order: Any,
    quantity: float = 0.0,
    limit: float = 0.0,
    trigger: float = 0.0,
    stop: float = 0.0,
    target: float = 0.0,
    trail: float = 0.0,
    trail_pct: float = 0.0,
    tif: int = -1,
    reason: int = _SIGNAL,
    add: int = 0,
    confidence: float = 0.0,
) -> None:
    """Sell: close a long position if there is one, else open a short one where the settings allow it. Args as `buy`."""
    intent = _EXIT if order.held > 0.0 else _ENTRY
    _write(order, -1, intent, quantity, limit, trigger, stop, target, trail, trail_pct, tif, reason, add, confidence)


@kernel
def go_long(
    order: Any,
    quantity: float = 0.0,
    stop: float = 0.0,
    target: float = 0.0,
    reason: int = _SIGNAL,
    confidence: float = 0.0,
) -> None:
    """Be long: open a long position, turning a short one round."""
    _write(order, 1, _ENTRY, quantity, 0.0, 0.0, stop, target, 0.0, 0.0, -1, reason, 0, confidence)


@kernel
def go_short(
    order: Any,
    quantity: float = 0.0,
    stop: float = 0.0,
    target: float = 0.0,
    reason: int = _SIGNAL,
    confidence: float = 0.0,
) -> None:
    """Be short: open a short position, turning a long one round."""
    _write(order, -1, _ENTRY, quantity, 0.0, 0.0, stop, target, 0.0, 0.0, -1, reason, 0, confidence)


@kernel
def close(order: Any, quantity: float = 0.0, reason: int = _SIGNAL) -> None:
    """Close the position, or ``quantity`` units of it; without a position nothing happens."""
    side = -1 if order.held > 0.0 else 1
    if order.held != 0.0:
        _write(order, side, _EXIT, quantity, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1, reason, 0, 0.0)


@kernel
def oco(order: Any, second: Any) -> None:
    """Let two entry tickets of one step cancel each other: whichever fills first wins."""
    order.group = 1
    second.group = 1


@kernel
def then(order: Any, second: Any) -> None:
    """Hold the second ticket until the first has filled."""
    second.parent = 1
