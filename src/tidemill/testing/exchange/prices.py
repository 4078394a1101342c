"""At what price an order of the scripted exchange fills when the market trades at a given one."""

from __future__ import annotations

import math

from tidemill.model.enums import OrderType
from tidemill.testing.exchange.truth import SimOrder

__all__ = ["fill_price"]


def _trail_level(order: SimOrder) -> float:
    distance = order.trail_amount if order.trail_amount > 0.0 else order.best * order.trail_pct / 100.0
    return order.best + order.side * distance


def _is_reached(order: SimOrder, price: float) -> bool:
    """Tell whether a stop of any kind has been reached; a trailing one follows the price first."""
    if order.is_triggered:
        return True
    level = order.stop_price
    if order.type is OrderType.TRAILING_STOP:
        known = price if math.isnan(order.best) else order.best
        order.best = min(known, price) if order.side > 0 else max(known, price)
        level = _trail_level(order)
    order.is_triggered = order.side * (price - level) >= 0.0
    return order.is_triggered


def fill_price(order: SimOrder, price: float) -> float | None:
    """Return what a working order gets when the market trades at ``price``; None when it does not fill.

    Market orders and reached stops get the price; limits get it where it is theirs or better.
    """
    if order.type is OrderType.MARKET:
        return price
    if order.type is not OrderType.LIMIT and not _is_reached(order, price):
        return None
    if order.type in {OrderType.STOP, OrderType.TRAILING_STOP}:
        return price
    return price if order.side * (order.limit_price - price) >= 0.0 else None
