"""The contract of a broker adapter, as cards: each is one sentence about the port and the program that proves it.

A card runs on a desk: an adapter together with something that can move its market. The same cards are run on the
simulated brokers, on adapters against their wire simulators, and by hand on real paper accounts.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tidemill.model.broker import BrokerOrder, BrokerRules, OrderReport, OrderRequest
from tidemill.model.enums import EventKind, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import PluginError, TidemillError
from tidemill.ports.broker import Broker

__all__ = [
    "FIRST_PRICE",
    "Card",
    "Desk",
    "bought",
    "demand",
    "demand_error",
    "fills_of",
    "held",
    "is_open",
    "order_of",
    "pushed",
    "run_card",
    "sent",
    "shown",
]

FIRST_PRICE: Final = 100.0
_KINDS: Final = (EventKind.ACK, EventKind.FILL)


class Desk(Protocol):
    """An adapter in front of a market that a card can move.

    Args:
        broker: the adapter, not open yet.
        symbol: what is traded; flat, without orders, at a price near 100.
        environment: what the broker's own answer must say: ``paper`` or ``live``.
        reports: whatever the adapter has pushed so far.
    """

    broker: Broker
    symbol: str
    environment: str
    reports: list[OrderReport]

    def fresh_id(self) -> str:
        """Return a client id nobody has used."""

    async def trade(self, price: float, size: float = math.inf) -> None:
        """Let the market trade at a price, with at most ``size`` units for our orders."""

    async def settle(self) -> None:
        """Wait until every report that is on its way has arrived."""


@dataclass(frozen=True, slots=True)
class Card:
    """One sentence of the contract.

    Args:
        code: stable name, B01 and on.
        run: proves on an open desk at a price of 100 what its docstring says; raises PluginError if it does not hold.
        applies: whether the card concerns a broker with these rules.
        is_opened: whether the desk is open and has a price when the card begins.
    """

    code: str
    run: Callable[[Desk], Awaitable[None]]
    applies: Callable[[BrokerRules], bool] = lambda rules: True  # noqa: ARG005 - most cards concern everybody
    is_opened: bool = True

    @property
    def sentence(self) -> str:
        """Return what every adapter must do."""
        return (self.run.__doc__ or "").strip()


async def run_card(card: Card, desk: Desk) -> None:
    """Run one card on a fresh desk; it passes in silence.

    Raises:
        PluginError: the adapter breaks the contract; the message names the card and what was seen.
    """
    if card.is_opened:
        await desk.broker.open(desk.reports.append)
        await desk.trade(FIRST_PRICE)
    try:
        await card.run(desk)
    except TidemillError as error:
        raise PluginError(f"{desk.broker.name} breaks card {card.code} ({card.sentence}) {error}") from error
    await desk.broker.close()


def demand(is_kept: bool, seen: object) -> None:
    """Refuse what breaks the contract, and say what was seen."""
    if not is_kept:
        raise PluginError(f"Seen: {seen}.")


async def demand_error(awaitable: Awaitable[Any], *kinds: type[Exception]) -> None:
    """Refuse an answer where an error of the given kinds is due; other errors pass through."""
    try:
        answer = await awaitable
    except kinds:
        return
    demand(is_kept=False, seen=f"{answer!r} in place of {' or '.join(kind.__name__ for kind in kinds)}")


def order_of(desk: Desk, side: Side = Side.BUY, quantity: float = 10.0, **terms: Any) -> OrderRequest:
    """Return an order for a desk: to buy ten at the market, unless told otherwise."""
    given = {"client_id": desk.fresh_id(), "type": OrderType.MARKET, "tif": TimeInForce.GTC, **terms}
    if given["tif"] not in desk.broker.rules.time_in_force:
        given["tif"] = TimeInForce.DAY
    return OrderRequest(symbol=desk.symbol, side=side, quantity=quantity, **given)


async def sent(desk: Desk, order: OrderRequest) -> OrderReport:
    """Send an order that must be taken; return its answer."""
    answer = await desk.broker.submit(order)
    demand(answer.kind in _KINDS and answer.client_id == order.client_id and answer.broker_id != "", answer)
    return answer


async def shown(desk: Desk, client_id: str) -> BrokerOrder:
    """Return an order as the broker lists it; it must be listed once."""
    page = await desk.broker.orders(0)
    found = [order for order in page.items if order.client_id == client_id]
    demand(page.is_complete and len(found) == 1, f"{len(found)} orders {client_id} in {page}")
    return found[0]


async def fills_of(desk: Desk, client_id: str) -> list[OrderReport]:
    """Return the fills pushed for an order, once they have arrived; each has an identity of its own."""
    await desk.settle()
    fills = [item for item in desk.reports if item.client_id == client_id and item.kind is EventKind.FILL]
    identities = {item.exec_id for item in fills}
    demand(len(identities) == len(fills) and "" not in identities, fills)
    return fills


async def pushed(desk: Desk, client_id: str, kind: EventKind) -> list[OrderReport]:
    """Return the reports of a kind pushed for an order, once they have arrived."""
    await desk.settle()
    return [item for item in desk.reports if item.client_id == client_id and item.kind is kind]


async def held(desk: Desk) -> float:
    """Return the signed units the broker shows."""
    page = await desk.broker.positions()
    demand(page.is_complete, page)
    return sum(item.quantity for item in page.items if item.symbol == desk.symbol)


async def bought(desk: Desk, quantity: float = 10.0) -> None:
    """Have a long position, for cards that need one."""
    order = order_of(desk, quantity=quantity)
    await sent(desk, order)
    await desk.trade(FIRST_PRICE)
    demand(sum(fill.quantity for fill in await fills_of(desk, order.client_id)) == quantity, desk.reports)


def is_open(order: BrokerOrder | None) -> bool:
    """Tell whether an order may still fill."""
    return order is not None and order.state in {OrderState.HELD, OrderState.WORKING, OrderState.PARTIAL}
