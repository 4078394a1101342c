"""Our side of the scripted exchange: a broker adapter whose line and answers can fail in every way a real one's can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from tidemill.model.broker import (
    AccountFacts,
    BrokerOrder,
    BrokerPosition,
    Execution,
    OrderReport,
    OrderRequest,
    Page,
)
from tidemill.model.enums import OrderState
from tidemill.model.errors import (
    OrderRejected,
)
from tidemill.ports.broker import ReportSink
from tidemill.testing.exchange.exchange import ScriptedExchange
from tidemill.testing.exchange.line import Line
from tidemill.testing.exchange.stream import Stream
from tidemill.testing.exchange.truth import SimOrder

__all__ = ["ScriptedBroker"]

T = TypeVar("T")
_SECOND_NS = 1_000_000_000
_HALF = 0.5


class ScriptedBroker:
    """A session with a scripted exchange, behind the port of every broker.

    Args:
        exchange: whose account it is; it outlives the session.
        name: shown in records.
        latency_s: how long a request, and its reply, take.
        stream_s: how long a report takes.
    """

    def __init__(
        self,
        exchange: ScriptedExchange,
        *,
        name: str = "scripted",
        latency_s: float = 0.0,
        stream_s: float = 0.0,
    ) -> None:
        self.name = name
        self.exchange = exchange
        self.rules = exchange.rules
        self._line = Line(exchange, latency_s)
        self._stream = Stream(exchange, self._line, stream_s)
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._pictures: dict[str, tuple[tuple[Any, ...], BrokerOrder]] = {}
        self._executions_shown: dict[str, Execution] = {}

    async def open(self, sink: ReportSink) -> AccountFacts:
        """Connect and begin to push; a session that is open already is opened anew."""
        await self._line.connect()
        self._stream.open(sink)
        self.exchange.attach(self._stream)
        return await self.account()

    async def close(self) -> None:
        """Stop; orders stay at the exchange."""
        self._line.disconnect()
        self.exchange.detach(self._stream)
        self._stream.close()

    async def submit(self, order: OrderRequest) -> OrderReport:
        """Send one order once."""
        self._demand_offered(order)
        faults = self.exchange.faults
        if faults.fires("B17"):
            return await self._line.ask("submit", lambda: self._swallow(order), answers=False)
        if faults.fires("N9"):
            self._stream.hold_ack(order.client_id)
            return await self._line.ask("submit", lambda: self.exchange.submit(order), pause_s=faults.value("N9"))
        return await self._line.ask("submit", lambda: self.exchange.submit(order))

    async def cancel(self, client_id: str, broker_id: str) -> None:
        """Ask for an order's end."""
        await self._line.ask("cancel", lambda: self.exchange.cancel(client_id, broker_id))

    async def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> OrderReport:
        """Ask for other terms."""
        return await self._line.ask(
            "replace", lambda: self.exchange.replace(client_id, broker_id, quantity, stop_price)
        )

    async def find(self, client_id: str) -> BrokerOrder | None:
        """Look an order up by our id, where the broker can."""
        return await self._line.ask("find", lambda: self._find(client_id))

    async def orders(self, since_ns: int) -> Page[BrokerOrder]:
        """List open orders and those that ended since, where the broker shows them."""
        return await self._list("orders", lambda: self._orders(since_ns))

    async def executions(self, since_ns: int) -> Page[Execution]:
        """List fills since, as far back as the broker goes."""
        return await self._list("executions", lambda: self._executions(since_ns))

    async def positions(self) -> Page[BrokerPosition]:
        """List open positions."""
        return await self._list("positions", self._positions)

    async def account(self) -> AccountFacts:
        """Tell the account's facts, in the broker's words."""
        return await self._line.ask("account", self._account)

    # at the exchange's end of the line

    def _swallow(self, order: OrderRequest) -> OrderReport:
        arrived = self.exchange.truth.arrived
        arrived[order.client_id] = arrived.get(order.client_id, 0) + 1
        raise OrderRejected("Nobody ever hears this.")

    def _find(self, client_id: str) -> BrokerOrder | None:
        self.exchange.settle()
        order = self.exchange.truth.of_client(client_id) if self.rules.finds_by_client_id else None
        if order is None or order.visible_ns > self.exchange.clock.now_ns():
            return None
        return self._shown(order.shown())

    def _shown(self, order: BrokerOrder) -> BrokerOrder:
        return replace(order, state=OrderState.UNKNOWN) if self.exchange.faults.fires("B39") else order

    def _orders(self, since_ns: int) -> tuple[BrokerOrder, ...]:
        now = self.exchange.clock.now_ns()
        closed = self.rules.shows_closed_orders
        return tuple(
            self._shown(self._picture(order))
            for order in self.exchange.truth.orders
            if order.visible_ns <= now and (order.is_open or (closed and order.updated_ns >= since_ns))
        )

    def _picture(self, order: SimOrder) -> BrokerOrder:
        """Return an order as the broker shows it; one that nothing happened to since is not drawn anew."""
        mark = (order.state, order.quantity, order.filled, order.value, order.stop_price, order.updated_ns, order.text)
        known = self._pictures.get(order.broker_id)
        if known is None or known[0] != mark:
            known = self._pictures[order.broker_id] = (mark, order.shown())
        return known[1]

    def _executions(self, since_ns: int) -> tuple[Execution, ...]:
        oldest = max(since_ns, self.exchange.now_ns - self.rules.execution_horizon_ns)
        known = self._executions_shown
        return tuple(
            known.get(fill.exec_id) or known.setdefault(fill.exec_id, fill.shown())
            for fill in self.exchange.truth.fills
            if fill.ts_ns >= oldest
        )

    def _positions(self) -> tuple[BrokerPosition, ...]:
        faults = self.exchange.faults
        lag = round(faults.value("B35") * _SECOND_NS)
        until = self.exchange.now_ns - lag if faults.fires("B35") else None
        return tuple(self.exchange.truth.positions(until))

    def _account(self) -> AccountFacts:
        exchange, truth = self.exchange, self.exchange.truth
        other = "live" if truth.environment == "paper" else "paper"
        exchange.faults.fires("B43")  # the wrong clock is counted where it can be noticed
        equity = truth.equity_micros
        return AccountFacts(
            truth.account_id, other if exchange.faults.fires("B38") else truth.environment, truth.currency,
            truth.cash_micros, equity, equity, exchange.now_ns,
        )  # fmt: skip

    async def _list(self, what: str, work: Callable[[], tuple[T, ...]]) -> Page[T]:
        """Ask for a list, which may be old, short, or overtaken by what happens meanwhile."""
        return await self._line.ask(what, lambda: self._page(what, work))

    def _page(self, what: str, work: Callable[[], tuple[T, ...]]) -> Page[T]:
        self.exchange.settle()
        faults = self.exchange.faults
        items = work()
        before, self._seen[what] = self._seen.get(what), items
        if before is not None and faults.fires("N12"):
            items = before
        if self.exchange.working() and faults.fires("N13"):
            self.exchange.fill_one()
        if items and faults.fires("B36"):
            return Page(items[: len(items) // 2], is_complete=False)
        return Page(items)

    def _demand_offered(self, order: OrderRequest) -> None:
        """Refuse before it leaves what the broker does not claim to take."""
        rules, missing = self.rules, ""
        if order.type not in rules.order_types:
            missing = f"{order.type.name} orders"
        elif order.tif not in rules.time_in_force:
            missing = f"{order.tif.name} orders"
        elif len(order.client_id) > rules.order_id_length or not order.client_id:
            missing = f"the client id {order.client_id!r}"
        elif (order.group or order.parent) and not rules.links_orders:
            missing = "linked orders"
        elif not rules.fractional and order.quantity % 1.0 != 0.0:
            missing = "fractions of a unit"
        if missing:
            raise OrderRejected(f"{self.name} does not take {missing}; nothing was sent.")
