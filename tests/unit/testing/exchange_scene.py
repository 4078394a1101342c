"""A scripted exchange with one session, on virtual time, for tests to act on."""

from __future__ import annotations

import asyncio
from typing import Any

from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderType, Side, TimeInForce
from tidemill.testing.exchange import Faults, ScriptedBroker, ScriptedExchange
from tidemill.testing.seams import SimClock


class Scene:
    """Everything a test touches; the market stands at 100."""

    def __init__(self, faults: Faults | None = None, **options: Any) -> None:
        self.faults = faults or Faults(1)
        self.clock = SimClock(asyncio.get_running_loop())
        self.exchange = ScriptedExchange(self.clock, faults=self.faults, **options)
        self.broker = self.session()
        self.reports: list[OrderReport] = []
        self.exchange.trade("ABC", 100.0)

    def session(self) -> ScriptedBroker:
        return ScriptedBroker(self.exchange, latency_s=0.02, stream_s=0.05)

    async def open(self) -> Scene:
        await self.broker.open(self.reports.append)
        return self

    async def wait(self, seconds: float = 1.0) -> None:
        await self.clock.sleep(seconds)

    def heard(self, client_id: str = "a") -> list[EventKind]:
        return [report.kind for report in self.reports if report.client_id == client_id]

    async def buy(self, client_id: str = "a", quantity: float = 10.0, **terms: Any) -> OrderReport:
        return await self.broker.submit(order(client_id, quantity=quantity, **terms))


def order(client_id: str, side: Side = Side.BUY, quantity: float = 10.0, **terms: Any) -> OrderRequest:
    given = {"type": OrderType.MARKET, "tif": TimeInForce.GTC, **terms}
    return OrderRequest(client_id, "ABC", side, quantity=quantity, **given)


def resting(price: float = 90.0) -> dict[str, Any]:
    return {"type": OrderType.LIMIT, "limit_price": price}


def stop(client_id: str, price: float = 90.0, **terms: Any) -> OrderRequest:
    given = {"type": OrderType.STOP, "stop_price": price, "intent": Intent.PROTECT, **terms}
    return order(client_id, Side.SELL, **given)
