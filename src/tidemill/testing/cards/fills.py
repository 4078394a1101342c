"""Cards about what the market does to orders: fills, triggers, links, money."""

from __future__ import annotations

import math
from typing import Any, Final

from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side
from tidemill.testing.cards.desk import Desk, bought, demand, fills_of, held, is_open, order_of, pushed, sent, shown

__all__ = [
    "drops_children",
    "exits",
    "fills_in_parts",
    "fills_once",
    "holds_children",
    "keeps_apart",
    "keeps_limits",
    "links_exits",
    "moves_stops",
    "pays",
    "replaces",
    "stops",
    "trails",
]

_BUY_FAR: Final[dict[str, Any]] = {"type": OrderType.LIMIT, "limit_price": 50.0}  # rests far below the market


async def fills_once(desk: Desk) -> None:
    """An order fills once; pushed and listed fills and the position agree."""
    order = order_of(desk)
    await sent(desk, order)
    await desk.trade(100.0)
    await desk.trade(101.0)
    fills = await fills_of(desk, order.client_id)
    demand(sum(fill.quantity for fill in fills) == order.quantity, fills)
    demand(all(fill.price > 0.0 and fill.ts_ns > 0 for fill in fills), fills)
    page = await desk.broker.executions(0)
    listed = {item.exec_id: item.quantity for item in page.items if item.client_id == order.client_id}
    demand(page.is_complete and listed == {fill.exec_id: fill.quantity for fill in fills}, page)
    demand(await held(desk) == order.quantity, await desk.broker.positions())


async def fills_in_parts(desk: Desk) -> None:
    """Partial fills have identities of their own and sum to the order."""
    order = order_of(desk, type=OrderType.LIMIT, limit_price=90.0)
    await sent(desk, order)
    await desk.trade(90.0, 4.0)
    known = await shown(desk, order.client_id)
    demand((known.filled, known.state) == (4.0, OrderState.PARTIAL), known)
    await desk.trade(90.0, 100.0)
    fills = await fills_of(desk, order.client_id)
    demand([fill.quantity for fill in fills] == [4.0, 6.0], fills)
    if desk.broker.rules.shows_closed_orders:
        known = await shown(desk, order.client_id)
        demand((known.filled, known.state) == (10.0, OrderState.FILLED), known)


async def keeps_limits(desk: Desk) -> None:
    """A limit order never fills at a worse price."""
    order = order_of(desk, type=OrderType.LIMIT, limit_price=95.0)
    await sent(desk, order)
    await desk.trade(96.0)
    demand(await fills_of(desk, order.client_id) == [], desk.reports)
    await desk.trade(94.0)
    fills = await fills_of(desk, order.client_id)
    demand(len(fills) > 0 and all(fill.price <= order.limit_price for fill in fills), fills)


async def stops(desk: Desk) -> None:
    """A stop waits for its trigger."""
    await bought(desk)
    stop = order_of(desk, Side.SELL, type=OrderType.STOP, stop_price=95.0, intent=Intent.PROTECT)
    await sent(desk, stop)
    await desk.trade(96.0)
    demand(await fills_of(desk, stop.client_id) == [], desk.reports)
    await desk.trade(94.0)
    demand(sum(fill.quantity for fill in await fills_of(desk, stop.client_id)) == stop.quantity, desk.reports)
    demand(await held(desk) == 0.0, await desk.broker.positions())


async def trails(desk: Desk) -> None:
    """A trailing stop follows the best price."""
    await bought(desk)
    stop = order_of(desk, Side.SELL, type=OrderType.TRAILING_STOP, trail_amount=5.0, intent=Intent.PROTECT)
    await sent(desk, stop)
    for price in (110.0, 107.0):
        await desk.trade(price)
    demand(await fills_of(desk, stop.client_id) == [], desk.reports)
    await desk.trade(104.0)
    demand(sum(fill.quantity for fill in await fills_of(desk, stop.client_id)) == stop.quantity, desk.reports)


async def exits(desk: Desk) -> None:
    """An exit of the whole position leaves none."""
    await bought(desk)
    await sent(desk, order_of(desk, Side.SELL, intent=Intent.EXIT))
    await desk.trade(100.0)
    demand(await held(desk) == 0.0, await desk.broker.positions())


async def replaces(desk: Desk) -> None:
    """A replaced order keeps our id and fills to its new quantity."""
    order = order_of(desk, **_BUY_FAR)
    answer = await sent(desk, order)
    told = await desk.broker.replace(order.client_id, answer.broker_id, 7.0, math.nan)
    demand((told.kind, told.client_id, told.quantity) == (EventKind.REPLACED, order.client_id, 7.0), told)
    known = await shown(desk, order.client_id)
    demand(known.quantity == 7.0 and known.limit_price == order.limit_price and is_open(known), known)
    await desk.trade(49.0)
    demand(sum(fill.quantity for fill in await fills_of(desk, order.client_id)) == 7.0, desk.reports)


async def moves_stops(desk: Desk) -> None:
    """A replaced stop triggers at its new price."""
    await bought(desk)
    stop = order_of(desk, Side.SELL, type=OrderType.STOP, stop_price=90.0, intent=Intent.PROTECT)
    answer = await sent(desk, stop)
    await desk.broker.replace(stop.client_id, answer.broker_id, 10.0, 97.0)
    known = await shown(desk, stop.client_id)
    demand(known.stop_price == 97.0, known)
    await desk.trade(96.0)
    demand(sum(fill.quantity for fill in await fills_of(desk, stop.client_id)) == stop.quantity, desk.reports)


async def links_exits(desk: Desk) -> None:
    """Of two linked exits the second is cancelled when the first fills."""
    await bought(desk)
    terms: dict[str, Any] = {"intent": Intent.PROTECT, "group": desk.fresh_id()}
    stop = order_of(desk, Side.SELL, type=OrderType.STOP, stop_price=90.0, **terms)
    target = order_of(desk, Side.SELL, type=OrderType.LIMIT, limit_price=110.0, **terms)
    await sent(desk, stop)
    await sent(desk, target)
    await desk.trade(111.0)
    demand(sum(fill.quantity for fill in await fills_of(desk, target.client_id)) == 10.0, desk.reports)
    demand(len(await pushed(desk, stop.client_id, EventKind.CANCELLED)) == 1, desk.reports)
    await desk.trade(80.0)
    demand(await held(desk) == 0.0, await desk.broker.positions())


async def keeps_apart(desk: Desk) -> None:
    """Exits that are not linked live apart: one fills, the other works on until it is cancelled, and fills no more."""
    await bought(desk)
    stop = order_of(desk, Side.SELL, 5.0, type=OrderType.STOP, stop_price=90.0, intent=Intent.PROTECT)
    target = order_of(desk, Side.SELL, 5.0, type=OrderType.LIMIT, limit_price=110.0, intent=Intent.EXIT)
    answer = await sent(desk, stop)
    await sent(desk, target)
    await desk.trade(111.0)
    demand(sum(fill.quantity for fill in await fills_of(desk, target.client_id)) == 5.0, desk.reports)
    known = await shown(desk, stop.client_id)
    demand(known.state is OrderState.WORKING and known.quantity == 5.0, known)
    await desk.broker.cancel(stop.client_id, answer.broker_id)
    demand(len(await pushed(desk, stop.client_id, EventKind.CANCELLED)) == 1, desk.reports)
    await desk.trade(80.0)
    demand(await held(desk) == 5.0, await desk.broker.positions())


async def holds_children(desk: Desk) -> None:
    """A child waits for its parent to fill."""
    parent = order_of(desk, type=OrderType.LIMIT, limit_price=95.0)
    child = order_of(
        desk, Side.SELL, type=OrderType.LIMIT, limit_price=99.0, intent=Intent.PROTECT, parent=parent.client_id
    )
    await sent(desk, parent)
    await sent(desk, child)
    await desk.trade(100.0)
    known = await shown(desk, child.client_id)
    demand(known.state is OrderState.HELD and known.filled == 0.0, known)
    await desk.trade(94.0)
    await desk.trade(100.0)
    demand(sum(fill.quantity for fill in await fills_of(desk, child.client_id)) == 10.0, desk.reports)


async def drops_children(desk: Desk) -> None:
    """A child ends with a parent that never filled."""
    parent = order_of(desk, **_BUY_FAR)
    child = order_of(
        desk, Side.SELL, type=OrderType.LIMIT, limit_price=99.0, intent=Intent.PROTECT, parent=parent.client_id
    )
    answer = await sent(desk, parent)
    await sent(desk, child)
    await desk.broker.cancel(parent.client_id, answer.broker_id)
    demand(len(await pushed(desk, child.client_id, EventKind.CANCELLED)) == 1, desk.reports)


async def pays(desk: Desk) -> None:
    """Cash moves by what the fills cost and by nothing else."""
    before = await desk.broker.account()
    order = order_of(desk)
    await sent(desk, order)
    await desk.trade(100.0)
    fills = await fills_of(desk, order.client_id)
    after = await desk.broker.account()
    paid = sum(round(fill.quantity * fill.price * 1_000_000) + fill.fee_micros for fill in fills)
    demand(before.cash_micros - after.cash_micros == paid, (before, after, fills))
