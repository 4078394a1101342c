"""The service under load: ``tidemill up`` as a process of its own, callers on sockets, a record of a million fills.

Every figure has the callers, the API, the engine and the database on the same machine, and on its processors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

_START = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())"]
_CLIENTS = 50
_SYMBOLS = [f"SYM{number:02d}" for number in range(_CLIENTS)]
_PERSON = {"username": "bench", "email": "bench@example.com", "password": "correct horse battery"}
_WAIT_S = 120.0
_FILLS = """
    INSERT INTO fills (broker, account, exec_id, run_id, client_id, symbol, side, quantity, price, fee_micros, ts_ns,
        seq, kind, strategy, flags)
    SELECT 'paper', 'a', printf('x%09d', value), ?, 'c' || value, 'SYM' || (value % 50), 'BUY', '1', '100.25', 0,
        value * 1000000000, value, 'real', 's', ''
    FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?) SELECT value FROM n)
"""


class Caller:
    """One connection that is kept open, with as little in the way as can be."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\n"
        if data:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + data)
        told = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", told)
        return int(told[9:12]), await self._reader.readexactly(int(length[1])) if length else b""


class Service:
    """A service of its own in a folder, with one owner, who has an agent at work."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.home = folder / "home"
        self._folder, self._out, self._more = folder, folder / "out", more
        self.start()
        self.token = ""

    def start(self) -> None:
        """Start the service, on a port of its own."""
        words = [*_START, "up", "--port", "0", "--data-dir", str(self.home), *self._more]
        environment = {**os.environ, "TIDEMILL_RATE_LIMIT_RATIO": "10000", "TIDEMILL_METRICS_ON_LOOPBACK": "true"}
        with self._out.open("wb") as out, (self._folder / "err").open("wb") as err:
            self.process = subprocess.Popen(words, stdout=out, stderr=err, env=environment)
        self._await(lambda: "listens on" in self._told())
        self.port = int(self._told().rpartition(":")[2])

    def _told(self) -> str:
        return self._out.read_text()

    @staticmethod
    def _await(is_true: Callable[[], bool]) -> None:
        until = time.monotonic() + _WAIT_S
        while not is_true():
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.05)

    def caller(self) -> Caller:
        return Caller(self.port, self.token)

    async def begin(self) -> str:
        """Become the owner; let an agent work; return its id."""
        code = re.search(r"([2-9A-Z]{5}-){4}[2-9A-Z]{5}", self._told())
        async with self.caller() as caller:
            status, told = await caller.ask("POST", "/v1/auth/register-owner", {**_PERSON, "code": code[0]})
            check(status, told)
            self.token = json.loads(told)["access_token"]
        body = {
            "name": "Bench",
            "accountId": "BENCH",
            "timeframe": "intraday",
            "strategies": ["meanReversion"],
            "symbols": _SYMBOLS,
            "interval": "1min",
            "riskLimits": {
                "maxPositionSize": 1_000_000,
                "maxDailyLoss": 100_000,
                "maxConcurrentPositions": len(_SYMBOLS),
                "minConfidenceScore": 0,
                "maxPortfolioExposure": 100,
                "maxCorrelation": 1,
            },
        }
        async with self.caller() as caller:
            status, told = await caller.ask("POST", "/v1/agents", body)
            check(status, told)
            name = str(json.loads(told)["id"])
            for _ in range(600):
                status, told = await caller.ask("GET", f"/v1/agents/{name}")
                if json.loads(told)["agent"]["status"] == "RUNNING":
                    break
                await asyncio.sleep(0.1)
            for symbol in _SYMBOLS:
                await caller.ask("POST", "/v1/tick", {"symbol": symbol, "price": 100.0, "size": 100.0})
        return name

    def run_id(self) -> str:
        with sqlite3.connect(self.home / "tidemill.db") as connection:
            return str(connection.execute("SELECT run_id FROM run_owners").fetchone()[0])

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextmanager
def served(*more: str) -> Any:
    """Run a service in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), *more)
        try:
            yield service
        finally:
            service.stop()


def check(status: int, told: bytes = b"") -> None:
    """Stop at an answer that nobody would measure."""
    if status >= 400:
        raise RuntimeError(f"{status}: {told[:300]!r}")


def spread(waits: list[float]) -> dict[str, float]:
    """Return milliseconds: half and ninety-nine of a hundred are faster."""
    ordered = sorted(waits)
    return {"p50_ms": statistics.median(ordered) * 1e3, "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3}


async def together(service: Service, count: int, ask: Callable[[Caller, int, int], Awaitable[int]]) -> list[float]:
    """Let callers ask ``count`` times each, one after the other; return how long each answer took."""
    waits: list[float] = []

    async def one(number: int) -> None:
        async with service.caller() as caller:
            for turn in range(count):
                began = time.perf_counter()
                status = await ask(caller, number, turn)
                waits.append(time.perf_counter() - began)
                check(status)

    await asyncio.gather(*(one(number) for number in range(_CLIENTS)))
    return waits


async def _order(caller: Caller, agent: str, symbol: str, turn: int) -> float:
    """Buy or sell one share at market, then push the trade that fills it; return how long the order's answer took."""
    body = {"agentId": agent, "symbol": symbol, "side": "Sell" if turn % 2 else "Buy", "orderType": "Market"}
    began = time.perf_counter()
    status, told = await caller.ask("POST", "/v1/agents/orders", {**body, "quantity": 1})
    took = time.perf_counter() - began
    check(status, told)
    check(*await caller.ask("POST", "/v1/tick", {"symbol": symbol, "price": 100.0 + turn * 0.01, "size": 100.0}))
    return took


async def orders(service: Service, agent: str, seconds: float, each_s: float) -> dict[str, float]:
    """Return how long an order takes until it is answered: accepted, guarded, on the tape and on the disk.

    Args:
        each_s: one caller's time from order to order, the callers spread over it; 0: none of them ever rests.
    """
    waits: list[float] = []
    until = time.monotonic() + seconds

    async def one(number: int) -> None:
        async with service.caller() as caller:
            await asyncio.sleep(each_s * number / _CLIENTS)
            turn = 0
            while time.monotonic() < until:
                began = time.monotonic()
                waits.append(await _order(caller, agent, _SYMBOLS[number], turn))
                turn += 1
                await asyncio.sleep(max(began + each_s - time.monotonic(), 0.0))

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(_CLIENTS)))
    return {**spread(waits), "orders_per_s": len(waits) / (time.perf_counter() - began), "orders": len(waits)}


def many_fills(service: Service, count: int) -> None:
    """Write fills beside those of the run, as if it had gone on for months, while the service is down.

    The indexes are made anew afterwards: that is a tenth of the time.
    """
    run_id = service.run_id()
    service.stop()
    database = service.home / "tidemill.db"
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")
        found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'fills' AND sql IS NOT NULL"
        indexes = connection.execute(found).fetchall()
        connection.execute("BEGIN IMMEDIATE")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(_FILLS, (run_id, count))
        for _, text in indexes:
            connection.execute(text)
        told = "UPDATE meta SET value = (SELECT MAX(number) FROM fills) WHERE name = 'told.fills'"
        connection.execute(told)  # people were told of them when they happened
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    service.start()


async def alone(service: Service, path: str, count: int) -> dict[str, float]:
    """Return how long a list takes while nobody else asks."""
    waits = []
    async with service.caller() as caller:
        for _ in range(count * 4 + 1):
            began = time.perf_counter()
            status, told = await caller.ask("GET", path)
            check(status, told)
            waits.append(time.perf_counter() - began)
    return {**spread(waits[1:]), "bytes": len(told)}


async def reads(service: Service, path: str, count: int) -> dict[str, float]:
    """Return how many answers a second all callers get together, and how long one takes alone."""
    found = await alone(service, path, count)

    async def ask(caller: Caller, *_: int) -> int:
        return (await caller.ask("GET", path))[0]

    began = time.perf_counter()
    waits = await together(service, count, ask)
    return {**found, "reads_per_s": len(waits) / (time.perf_counter() - began)}


async def ticks(service: Service, seconds: float, load: int) -> dict[str, float]:
    """Return how late the engine's loop was while callers ask for lists.

    Args:
        load: callers that never rest.
    """
    is_over = False

    async def press() -> None:
        async with service.caller() as caller:
            while not is_over:
                await caller.ask("GET", "/v1/agents")

    presses = [asyncio.create_task(press()) for _ in range(load)]
    lags: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(1.0)
        with sqlite3.connect(service.home / "tidemill.db") as connection:
            body = connection.execute("SELECT body FROM heartbeats WHERE name LIKE 'run:%'").fetchone()[0]
        lags.append(json.loads(body)["health"]["lag_s"])
    is_over = True
    await asyncio.gather(*presses)
    return {"lag_p50_ms": statistics.median(lags) * 1e3, "lag_max_ms": max(lags) * 1e3}


def measure(count: int = 20, fills: int = 1_000_000, seconds: float = 8.0) -> dict[str, dict[str, float]]:
    """Return every figure of the service."""
    with served() as service:
        agent = asyncio.run(service.begin())
        asyncio.run(orders(service, agent, 2.0, 1.0))
        found = {"orders": asyncio.run(orders(service, agent, seconds, 1.0))}
        found["orders_without_rest"] = asyncio.run(orders(service, agent, seconds, 0.0))
        found["health"] = asyncio.run(reads(service, "/v1/health", count * 2))
        found["agents"] = asyncio.run(reads(service, "/v1/agents", count * 2))
        found["engine_alone"] = asyncio.run(ticks(service, seconds, 0))
        found["engine_pressed"] = asyncio.run(ticks(service, seconds, _CLIENTS))
        many_fills(service, fills)
        found["fills"] = asyncio.run(alone(service, "/v1/fills?limit=100", count * 25))  # a p99 of two thousand
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="requests of each of the 50 callers")
    parser.add_argument("--fills", type=int, default=1_000_000)
    options = parser.parse_args()
    for name, figures in measure(options.count, options.fills).items():
        print(name, {key: round(value, 2) for key, value in figures.items()})
