"""Live figures: from a tick to an order on a socket, market data alone, replay at full speed."""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from live_rig import START_NS, build
from tidemill import Strategy
from tidemill.kernel.proposals import buy, close
from tidemill.model.bars import MINUTE_NS
from tidemill.model.broker import AccountFacts, BrokerPosition, BrokerRules, OrderReport, OrderRequest, Page
from tidemill.model.enums import EventKind, OrderType, TimeInForce
from tidemill.model.records import EVENT
from tidemill.runtime.life.terms import Phase

__all__ = ["Flipper", "Paced", "market_only", "replay", "through", "tick_to_order"]


class Flipper(Strategy):
    """Is long one bar and flat the next."""

    name = "flipper"

    def step(me, order):
        if order.pending == 0:
            if order.held == 0.0:
                buy(order)
            else:
                close(order)


class Watcher(Strategy):
    """Looks at every bar and never trades."""

    name = "watcher"

    def step(me, bar, order):
        if bar.close < 0.0:
            buy(order)


class SocketBroker:
    """A broker behind a loopback socket: one line per order there, one line per report back."""

    name = "socket"
    rules = BrokerRules(frozenset(OrderType), frozenset(TimeInForce), links_orders=True)

    def __init__(self) -> None:
        self.handed: dict[str, float] = {}
        self.last = 100.0
        self._units = 0.0

    async def open(self, sink: Any) -> AccountFacts:
        self._sink = sink
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        return await self.account()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
        self._server.close()
        await self._server.wait_closed()

    async def submit(self, order: OrderRequest) -> OrderReport:
        self._writer.write(json.dumps({"id": order.client_id, "qty": order.quantity}).encode() + b"\n")
        self.handed[order.client_id] = time.perf_counter()
        await self._reader.readline()
        now = time.time_ns()
        self._units += int(order.side) * order.quantity
        fill = OrderReport(
            EventKind.FILL, order.client_id, order.client_id, now, f"{order.client_id}-1", order.quantity, self.last
        )
        asyncio.get_running_loop().call_soon(self._sink, fill)
        return OrderReport(EventKind.ACK, order.client_id, order.client_id, now)

    async def cancel(self, client_id: str, broker_id: str) -> None:
        self._sink(OrderReport(EventKind.CANCELLED, client_id, broker_id, time.time_ns()))

    async def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> OrderReport:
        return OrderReport(EventKind.REPLACED, client_id, broker_id, time.time_ns(), quantity=quantity)

    async def find(self, client_id: str) -> None:
        return None

    async def orders(self, since_ns: int) -> Page[Any]:
        return Page(())

    async def executions(self, since_ns: int) -> Page[Any]:
        return Page(())

    async def positions(self) -> Page[Any]:
        return Page((BrokerPosition("AAA", self._units, self.last),) if self._units else ())

    async def account(self) -> AccountFacts:
        return AccountFacts("BENCH", "paper", "USD", 10**11, 10**11, 10**11, time.time_ns())


class Paced:
    """A feed that a bench drives by hand."""

    name, delay_ns = "bench", 0

    def __init__(self, drive: Any, *, is_replay: bool = False) -> None:
        self._drive, self.is_replay = drive, is_replay

    async def stream(self, symbols: Any, sink: Any) -> None:
        await self._drive(sink)


def _bar(now_ns: int, price: float) -> Any:
    rows = np.zeros(1, EVENT)
    rows["kind"] = int(EventKind.BAR)
    rows["ts_ns"], rows["now_ns"], rows["interval_ns"] = now_ns - MINUTE_NS, now_ns, MINUTE_NS
    for name in ("open", "high", "low", "close"):
        rows[name] = price
    rows["volume"] = 100.0
    return rows


async def through(run: Any) -> None:
    """Let a run live from its start to its end."""
    await run.start()
    await run.serve()
    await run.finish(Phase.COMPLETED)


def tick_to_order(count: int = 400) -> dict[str, float]:
    """Return milliseconds from a tick's arrival to its order on the broker's socket, durable on the way."""
    broker = SocketBroker()
    waits: list[float] = []
    holder: list[Any] = []

    async def drive(sink: Any) -> None:
        run = holder[0]
        for _ in range(count):
            before = len(broker.handed)
            began = time.perf_counter()
            sink.bars(_bar(time.time_ns(), 100.0))
            for _ in range(2000):
                await asyncio.sleep(0.0002)
                if len(broker.handed) > before:
                    break
            waits.append((max(broker.handed.values()) - began) * 1e3 if len(broker.handed) > before else math.inf)
            await asyncio.sleep(0.005)
            while run.book.live or run.desk.waiting:  # the fill comes back, is booked and answered
                await asyncio.sleep(0.001)

    with tempfile.TemporaryDirectory() as folder:
        run = build(
            Path(folder), Flipper, ["AAA"], feed=Paced(drive), broker=lambda plan: broker, start_ns=time.time_ns()
        )
        holder.append(run)
        asyncio.run(through(run))
        run.parts.writer.close()
    ordered = sorted(waits)
    return {"p50_ms": ordered[len(ordered) // 2], "p99_ms": ordered[int(len(ordered) * 0.99)], "orders": len(waits)}


def market_only(count: int = 5_000) -> dict[str, float]:
    """Return microseconds from a tick's arrival to the end of its turn, when it leads to nothing."""
    waits: list[float] = []
    holder: list[Any] = []

    async def drive(sink: Any) -> None:
        run = holder[0]
        for number in range(count):
            before = run.turns.events
            began = time.perf_counter()
            sink.trade(0, time.time_ns(), 100.0 + number % 2 * 0.01, 100.0, number)
            while run.turns.events == before:
                await asyncio.sleep(0)
            waits.append((time.perf_counter() - began) * 1e6)

    with tempfile.TemporaryDirectory() as folder:
        run = build(Path(folder), Watcher, ["AAA"], feed=Paced(drive), with_candles=True, start_ns=time.time_ns())
        holder.append(run)
        asyncio.run(through(run))
        run.parts.writer.close()
    return {"p50_us": statistics.median(waits), "p99_us": sorted(waits)[int(count * 0.99)]}


def replay(count: int = 1_000_000) -> dict[str, float]:
    """Return events a second of a replay at full speed through the whole runtime: ticks, the bars of them, orders."""
    rng = np.random.default_rng(11)
    stamps = (START_NS + np.cumsum(rng.integers(1, 40_000_000, count))).tolist()
    which = rng.integers(0, 10, count).tolist()
    prices = np.round(100.0 + np.cumsum(rng.choice([-0.01, 0.01], count)) * 0.2, 2).tolist()
    spent: dict[str, float] = {}

    async def drive(sink: Any) -> None:
        for number in range(count):
            if number % 256 == 0:
                await sink.ready()
            sink.trade(which[number], stamps[number], prices[number], 100.0, number)

    with tempfile.TemporaryDirectory() as folder:
        names = [f"S{number}" for number in range(10)]
        run = build(Path(folder), Flipper, names, feed=Paced(drive, is_replay=True), with_candles=True, inline=True)

        async def go() -> None:
            await run.start()
            began = time.perf_counter()
            await run.serve()
            await run.finish(Phase.COMPLETED)
            spent["events_per_s"] = run.turns.events / (time.perf_counter() - began)
            spent["orders"] = float(len(run.book.by_client))

        asyncio.run(go())
    return spent


if __name__ == "__main__":
    for bench in (tick_to_order, market_only, replay):
        print(bench.__name__, {name: round(value, 3) for name, value in bench().items()})
