"""Cards about an order's life outside of the market: answers, names, ends, lists."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import EventKind, OrderState, OrderType, TimeInForce
from tidemill.model.errors import AmbiguousOutcome, LinkDown, OrderRejected, UnknownOrder
from tidemill.testing.cards.desk import (
    Desk,
    bought,
    demand,
    demand_error,
    fills_of,
    is_open,
    order_of,
    pushed,
    sent,
    shown,
)

__all__ = [
    "acks",
    "cancels",
    "cancels_once",
    "dedupes",
    "finds",
    "is_closed",
    "knows_nothing",
    "lists",
    "opens",
    "outlives_us",
    "refuses_the_rest",
    "rejects",
    "takes_its_times",
    "takes_its_types",
]

_BUY_FAR: Final[dict[str, Any]] = {"type": OrderType.LIMIT, "limit_price": 50.0}  # rests far below the market
_FAR: Final[dict[OrderType, dict[str, Any]]] = {
    OrderType.MARKET: {},
    OrderType.LIMIT: {"limit_price": 50.0},
    OrderType.STOP: {"stop_price": 150.0},
    OrderType.STOP_LIMIT: {"stop_price": 150.0, "limit_price": 151.0},
    OrderType.TRAILING_STOP: {"trail_amount": 50.0},
}
_AT_ONCE: Final = (TimeInForce.IOC, TimeInForce.FOK)
_ENDS: Final = (OrderState.CANCELED, OrderState.EXPIRED)


async def opens(desk: Desk) -> None:
    """The account, its environment and its currency are told by the broker."""
    facts = await desk.broker.open(desk.reports.append)
    demand(facts.account_id != "" and facts.currency != "", facts)
    demand(facts.environment == desk.environment, facts)
    demand(all(isinstance(money, int) for money in (facts.cash_micros, facts.equity_micros)), facts)


async def is_closed(desk: Desk) -> None:
    """Before it is open nothing is answered and nothing is pushed."""
    await demand_error(desk.broker.submit(order_of(desk)), LinkDown)
    await demand_error(desk.broker.positions(), LinkDown)
    demand(not desk.reports, desk.reports)


async def acks(desk: Desk) -> None:
    """An order that is taken is acknowledged and shown with its terms."""
    order = order_of(desk, **_BUY_FAR)
    answer = await sent(desk, order)
    known = await shown(desk, order.client_id)
    demand(known.broker_id == answer.broker_id and known.state is OrderState.WORKING, known)
    terms = (known.symbol, known.side, known.type, known.tif, known.quantity, known.limit_price)
    demand(terms == (order.symbol, order.side, order.type, order.tif, order.quantity, order.limit_price), known)


async def dedupes(desk: Desk) -> None:
    """A client id sent twice makes no second order, and no rejection of the first."""
    order = order_of(desk, **_BUY_FAR)
    answer = await sent(desk, order)
    try:
        again = await desk.broker.submit(order)
        demand(again.broker_id == answer.broker_id, again)
    except AmbiguousOutcome:
        pass  # not a rejection: the first order lives
    await shown(desk, order.client_id)


async def finds(desk: Desk) -> None:
    """An order is found by our id; one never sent is not."""
    order = order_of(desk, **_BUY_FAR)
    demand(await desk.broker.find(order.client_id) is None, "an order that was never sent")
    answer = await sent(desk, order)
    found = await desk.broker.find(order.client_id)
    demand(found is not None and found.broker_id == answer.broker_id and is_open(found), found)


async def cancels(desk: Desk) -> None:
    """A cancelled order is reported once and never fills again."""
    order = order_of(desk, **_BUY_FAR)
    answer = await sent(desk, order)
    await desk.broker.cancel(order.client_id, answer.broker_id)
    demand(len(await pushed(desk, order.client_id, EventKind.CANCELLED)) == 1, desk.reports)
    await desk.trade(49.0)
    demand(await fills_of(desk, order.client_id) == [], desk.reports)
    if desk.broker.rules.shows_closed_orders:
        known = await shown(desk, order.client_id)
        demand(known.state is OrderState.CANCELED, known)


async def cancels_once(desk: Desk) -> None:
    """An order that has ended cannot be cancelled, and that is said."""
    order = order_of(desk)
    answer = await sent(desk, order)
    await desk.trade(100.0)
    await fills_of(desk, order.client_id)
    try:
        await desk.broker.cancel(order.client_id, answer.broker_id)
        demand(len(await pushed(desk, order.client_id, EventKind.CANCEL_REFUSED)) == 1, desk.reports)
    except OrderRejected:
        pass
    demand(await pushed(desk, order.client_id, EventKind.CANCELLED) == [], desk.reports)


async def knows_nothing(desk: Desk) -> None:
    """An unknown order is called unknown."""
    await demand_error(desk.broker.cancel(desk.fresh_id(), ""), UnknownOrder)
    await demand_error(desk.broker.replace(desk.fresh_id(), "", 5.0, math.nan), UnknownOrder)


async def takes_its_types(desk: Desk) -> None:
    """Every order type that is claimed is taken."""
    for kind in sorted(desk.broker.rules.order_types):
        await sent(desk, order_of(desk, type=kind, **_FAR[kind]))


async def takes_its_times(desk: Desk) -> None:
    """Every time in force that is claimed is taken; what may not wait does not."""
    for tif in sorted(desk.broker.rules.time_in_force):
        order = order_of(desk, tif=tif, **_BUY_FAR)
        await sent(desk, order)
        await desk.trade(100.0)
        demand(await fills_of(desk, order.client_id) == [], desk.reports)
        if tif in _AT_ONCE and desk.broker.rules.shows_closed_orders:
            known = await shown(desk, order.client_id)
            demand(known.state in _ENDS, known)


async def refuses_the_rest(desk: Desk) -> None:
    """What is not claimed is refused before it leaves."""
    rules = desk.broker.rules
    wrong: list[OrderRequest] = [
        order_of(desk, type=kind, **_FAR[kind]) for kind in sorted(set(OrderType) - rules.order_types)
    ]
    far = order_of(desk, **_BUY_FAR)
    wrong += [
        replace(far, client_id=desk.fresh_id(), tif=tif) for tif in sorted(set(TimeInForce) - rules.time_in_force)
    ]
    wrong.append(replace(far, client_id="x" * (rules.order_id_length + 1)))
    if not rules.fractional:
        wrong.append(replace(far, client_id=desk.fresh_id(), quantity=1.5))
    if not rules.links_orders:
        wrong.append(replace(far, client_id=desk.fresh_id(), group="g"))
    for order in wrong:
        await demand_error(desk.broker.submit(order), OrderRejected)
    page = await desk.broker.orders(0)
    demand(page.items == (), page)


async def rejects(desk: Desk) -> None:
    """A rejected order is for certain not live."""
    senseless: list[dict[str, Any]] = [{"quantity": 0.0}, {"quantity": math.nan}, {"type": OrderType.LIMIT}]
    for wrong in senseless:
        order = order_of(desk, **wrong)
        await demand_error(desk.broker.submit(order), OrderRejected)
        page = await desk.broker.orders(0)
        demand(all(not is_open(item) for item in page.items), page)
        demand(await fills_of(desk, order.client_id) == [], desk.reports)


async def lists(desk: Desk) -> None:
    """Lists are complete, begin when asked, and always hold the open orders."""
    await bought(desk)
    resting = order_of(desk, **_BUY_FAR)
    await sent(desk, resting)
    facts = await desk.broker.account()
    later = facts.server_ns + 1 if facts.server_ns else 2**62
    page = await desk.broker.orders(later)
    demand(page.is_complete and [item.client_id for item in page.items] == [resting.client_id], page)
    fills = await desk.broker.executions(later)
    demand(fills.is_complete and fills.items == (), fills)


async def outlives_us(desk: Desk) -> None:
    """What happens while we are away is found by asking."""
    order = order_of(desk, **_BUY_FAR)
    await sent(desk, order)
    await desk.settle()
    await desk.broker.close()
    count = len(desk.reports)
    await desk.trade(49.0)
    await desk.settle()
    demand(len(desk.reports) == count, desk.reports)
    await desk.broker.open(desk.reports.append)
    page = await desk.broker.executions(0)
    demand(sum(item.quantity for item in page.items if item.client_id == order.client_id) == 10.0, page)
