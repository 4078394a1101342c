"""The scripted exchange under observation, and a process's own session with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from tidemill.kernel.transitions import FINAL_STATES
from tidemill.model.broker import Execution, OrderReport, OrderRequest, Page
from tidemill.model.enums import Intent
from tidemill.model.errors import LinkDown
from tidemill.testing.exchange import ScriptedBroker, ScriptedExchange
from tidemill.testing.exchange.truth import SimFill, SimOrder
from tidemill.testing.simulation.turning import Turning

__all__ = ["VenueWatcher", "WatchedBroker", "WatchedExchange", "is_reducer"]


class VenueWatcher(Protocol):
    """Is told what happens at the broker."""

    def sent(self, process: int, request: OrderRequest) -> None:
        """Take note of an order that a process is about to send."""

    def arrived(self, request: OrderRequest) -> None:
        """Take note of an order that reached the broker."""

    def filled(self, fill: SimFill, order: SimOrder | None, before: float) -> None:
        """Take note of a fill; ``before`` is the position without it."""

    def changed(self) -> None:
        """Take note that anything changed at the broker."""

    @property
    def turning(self) -> Turning:
        """Return who is told what moves positions, and who knows of it."""


class WatchedExchange(ScriptedExchange):
    """The exchange; everything that happens on it is told to a watcher."""

    watcher: VenueWatcher | None = None
    version = 0
    _open: Sequence[SimOrder] = ()  # as far as ``_enlisted`` of all orders
    _enlisted = 0

    def working(self, symbol: str = "") -> list[SimOrder]:
        """Return the open orders; those that ended are not looked at again."""
        orders = self.truth.orders
        if self._enlisted != len(orders):
            self._open = [*self._open, *orders[self._enlisted :]]
            self._enlisted = len(orders)
        if not self._open:
            return []
        still = self._open = [order for order in self._open if order.state not in FINAL_STATES]
        return [order for order in still if order.symbol == symbol] if symbol else list(still)

    def trade(self, symbol: str, price: float, size: float = math.inf) -> None:
        """Let the market trade; where no order waits and nothing can go wrong, only the price moves."""
        if self.faults.active or self.truth.later or self.working(symbol):
            super().trade(symbol, price, size)
        else:
            self.truth.prices[symbol], self.truth.depth[symbol] = price, size

    def submit(self, request: OrderRequest) -> OrderReport:
        """Take an order that has arrived."""
        if self.watcher is not None:
            self.watcher.arrived(request)
        return super().submit(request)

    def _move(self, fill: SimFill, sign: int = 1) -> None:
        before = self.position(fill.symbol)
        super()._move(fill, sign)
        if self.watcher is not None:
            if fill.kind == "real":
                self.watcher.filled(fill, self.truth.of_broker(fill.broker_id), before)
            self.watcher.turning.moved(fill, self.position(fill.symbol) - before)
        self._note()

    def _fork(self, order: SimOrder) -> SimOrder:
        if self.watcher is not None:
            self.watcher.turning.forked(order.client_id)
        return super()._fork(order)

    def _tell(self, report: OrderReport) -> None:
        self._note()
        super()._tell(report)

    def _note(self) -> None:
        self.version += 1
        if self.watcher is not None:
            self.watcher.changed()


class WatchedBroker(ScriptedBroker):
    """A session of one process.

    Args:
        exchange: whose account it is.
        process: number of the process.
        alive: tells whether a process is.
        latency_s, stream_s: as of the scripted broker.
    """

    def __init__(
        self,
        exchange: WatchedExchange,
        process: int,
        alive: Callable[[int], bool],
        *,
        latency_s: float,
        stream_s: float,
    ) -> None:
        super().__init__(exchange, latency_s=latency_s, stream_s=stream_s)
        self._process, self._alive, self._watched = process, alive, exchange

    async def submit(self, order: OrderRequest) -> OrderReport:
        """Send one order once."""
        self._demand_life()
        if self._watched.watcher is not None:
            self._watched.watcher.sent(self._process, order)
        return await super().submit(order)

    async def cancel(self, client_id: str, broker_id: str) -> None:
        """Ask for an order's end."""
        self._demand_life()
        if self._watched.watcher is not None:
            self._watched.watcher.turning.changed(client_id or self._client_of(broker_id))
        await super().cancel(client_id, broker_id)

    async def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> OrderReport:
        """Ask for other terms."""
        self._demand_life()
        if self._watched.watcher is not None:
            self._watched.watcher.turning.changed(client_id)
            self._watched.watcher.turning.sent(self._process, client_id)
        return await super().replace(client_id, broker_id, quantity, stop_price)

    async def executions(self, since_ns: int) -> Page[Execution]:
        """List fills."""
        watcher = self._watched.watcher
        if watcher is None:
            return await super().executions(since_ns)
        watcher.turning.asked(self._process)
        page = await super().executions(since_ns)
        watcher.turning.shown(self._process, [item.exec_id for item in page.items])
        return page

    def _client_of(self, broker_id: str) -> str:
        order = self._watched.truth.of_broker(broker_id)
        return order.client_id if order is not None else ""

    def _demand_life(self) -> None:
        if not self._alive(self._process):
            raise LinkDown("This process is dead.")

    def hang_up(self) -> None:
        """Lose the connection as a process does that is killed."""
        self._line.disconnect()
        self.exchange.detach(self._stream)
        self._stream.close()


def is_reducer(order: SimOrder, held: float) -> bool:
    """Tell whether a working order would reduce a position."""
    return order.intent is not Intent.ENTRY and not math.isclose(held, 0.0) and order.side * held < 0
