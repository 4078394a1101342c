"""The scripted exchange: a broker outside of the engine, which survives it and misbehaves on demand.

It keeps its own truth, moves by the prices it is given, and counts what reached it. Everything in it is deterministic:
the same calls with the same faults and seed give the same truth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType
from tidemill.model.errors import AmbiguousOutcome, ConfigError, OrderRejected, UnknownOrder
from tidemill.ports.seams import Clock
from tidemill.testing.exchange.truth import SimOrder, Truth, is_price
from tidemill.testing.exchange.world import World

__all__ = ["ScriptedExchange"]

_SECOND_NS = 1_000_000_000
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
_LATE_NS = _SECOND_NS  # how long after a cancellation its late fill happens


class ScriptedExchange(World):
    """One broker account with its own memory, clock and misfortunes; sessions talk to it, tests move it."""

    @classmethod
    def load(cls, path: Path, clock: Clock, **options: Any) -> ScriptedExchange:
        """Go on from a file, as after the death of the process that held the exchange; ``options`` as of the class."""
        return cls(clock, path=path, truth=Truth.load(path), **options)

    @property
    def accepted(self) -> Mapping[str, int]:
        """Return how many orders each client id became: never more than one, or the first promise is broken."""
        return self.truth.accepted

    def trade(self, symbol: str, price: float, size: float = math.inf) -> None:
        """Let the market trade: orders that meet the price fill, together at most ``size`` units."""
        if not is_price(price):
            raise ConfigError(f"{symbol} cannot trade at {price}; give a price above zero.")
        self.settle()
        self.truth.prices[symbol], self.truth.depth[symbol] = price, size
        self._misfortunes(symbol)
        for order in self.working(symbol):
            self._work(order)
        self._save()

    def submit(self, request: OrderRequest) -> OrderReport:
        """Take an order that has arrived.

        Raises:
            OrderRejected: it never lives. AmbiguousOutcome: an order of that client id lives or lived.
        """
        self.settle()
        truth, client_id = self.truth, request.client_id
        truth.arrived[client_id] = truth.arrived.get(client_id, 0) + 1
        if self.rules.dedupes_client_ids and truth.accepted.get(client_id):
            self._save()
            raise AmbiguousOutcome(f"An order {client_id} was accepted before; look it up instead.")
        self._refuse(request)
        truth.accepted[client_id] = truth.accepted.get(client_id, 0) + 1
        order = self._enlist(request)
        parent = truth.of_client(request.parent)
        if parent is not None and parent.is_open:
            order.state = OrderState.HELD
        elif parent is not None and parent.filled > 0.0 and self.faults.fires("B22"):
            self._end(order, OrderState.REJECTED, "the child was rejected")
            self._save()
            raise OrderRejected("The broker refused the order: the child was rejected.")
        answer = self._say(EventKind.ACK, order)
        if self.faults.fires("B6"):
            truth.later.append(
                (self.clock.now_ns() + round(self.faults.value("B6") * _SECOND_NS), "reject", order.broker_id)
            )
        else:
            self._work(order)
        self._save()
        return answer

    def cancel(self, client_id: str, broker_id: str) -> None:
        """End an order.

        Raises:
            UnknownOrder: it is not shown. OrderRejected: it has ended.
        """
        order = self._open_order(client_id, broker_id)
        price = self.truth.prices.get(order.symbol)
        if price is not None and order.state is not OrderState.HELD and self.faults.fires("B11"):
            self._execute(order, order.remaining, price)
            self._save()
            raise OrderRejected(f"Order {order.broker_id} can no longer be cancelled: it is filled.")
        if price is not None and order.state is not OrderState.HELD and self.faults.fires("N10"):
            self.truth.later.append((self.clock.now_ns() + _LATE_NS, "fill", order.broker_id))
        self._end(order, OrderState.CANCELED, "cancelled as asked")
        self._save()

    def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> OrderReport:
        """Give an order another quantity, and another trigger unless NaN; raises as ``cancel``."""
        order = self._open_order(client_id, broker_id)
        if not is_price(quantity):
            raise OrderRejected(f"The quantity cannot become {quantity:g}; it must be above zero.")
        price = self.truth.prices.get(order.symbol)
        if price is not None and order.state is not OrderState.HELD and self.faults.fires("B12"):
            self._book(order, math.ceil(order.remaining / 2), price)
        changed = self._fork(order) if order.is_open and self.faults.fires("B13") else order
        changed.quantity = max(quantity, changed.filled)
        changed.stop_price = changed.stop_price if math.isnan(stop_price) else stop_price
        changed.updated_ns = self.now_ns
        answer = self._say(EventKind.REPLACED, changed, quantity=quantity)
        if changed.remaining <= 0.0 and changed.is_open:
            self._end(changed, OrderState.CANCELED, "nothing is left of it")
        self._work(changed)
        self._save()
        return answer

    def _open_order(self, client_id: str, broker_id: str) -> SimOrder:
        self.settle()
        order = (self.truth.of_broker(broker_id) if broker_id else None) or self.truth.of_client(client_id)
        if order is None or order.visible_ns > self.clock.now_ns():
            raise UnknownOrder(f"The broker knows no order {client_id or broker_id}.")
        if not order.is_open:
            raise OrderRejected(f"Order {order.broker_id} can no longer be changed: it is {order.state.name}.")
        return order

    def _refuse(self, request: OrderRequest) -> None:
        """Reject what this broker would, or what bad luck rejects."""
        reason = ""
        is_limit = request.type in {OrderType.LIMIT, OrderType.STOP_LIMIT}
        is_stop = request.type in {OrderType.STOP, OrderType.STOP_LIMIT}
        if not is_price(request.quantity):
            reason = "quantity must be above zero"
        elif (is_limit and not is_price(request.limit_price)) or (is_stop and not is_price(request.stop_price)):
            reason = "a price is missing"
        elif self.faults.fires("B4"):
            reason = "order rejected"
        elif request.intent is Intent.ENTRY and self.faults.fires("B32"):
            reason = "account is restricted to closing positions"
        elif request.type in _STOPS and self.faults.fires("B24"):
            reason = "stop price is through the market"
        if reason:
            self._save()
            raise OrderRejected(f"The broker refused the order: {reason}.")
