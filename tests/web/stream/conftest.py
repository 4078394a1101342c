"""A real server with the stream, and what tests write in place of an engine."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import uvicorn
from installation import Service
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.bootstrap.api import Behind, server_config
from tidemill.model.journal import AlertRow, Batch, FillEntry, GuardRow, OrderRecord, ProjectionRow

SECOND_NS = 1_000_000_000


class Client:
    """One connection of a test.

    Args:
        socket: open.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.hello: dict[str, Any] = {}

    def say(self, kind: str, **values: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **values}))

    def hear(self) -> dict[str, Any]:
        return json.loads(self.socket.recv(timeout=60))

    def until(self, *kinds: str) -> dict[str, Any]:
        """Return the next message of one of these kinds."""
        end = time.monotonic() + 15
        while (message := self.hear())["type"] not in kinds:
            assert time.monotonic() < end, f"only {message} for 15 s"
        return message

    def watch(self, *topics: str, **more: Any) -> dict[str, list[Any]]:
        """Subscribe; return the snapshot of each topic, of values too."""
        self.say("subscribe", topics=list(topics), **more)
        found: dict[str, list[Any]] = {}
        while (message := self.until("snapshot", "values", "error"))["type"] == "snapshot":
            found[message["topic"]] = message["rows"]
            self.seq = message["seq"]
        assert message["type"] == "values", message
        return found | message["topics"]

    def events(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the next events."""
        found: list[tuple[str, dict[str, Any]]] = []
        while len(found) < count:
            message = self.until("delta")
            self.seq = message["seq"]
            found += [(event["topic"], event["row"]) for event in message["events"]]
        return found

    def code(self) -> int:
        """Return with which code the server closes."""
        try:
            while True:
                self.hear()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 0


@dataclass
class Stream:
    """A server, those who watch, and the hand that writes what an engine would."""

    service: Service
    port: int
    exits: ExitStack = field(default_factory=ExitStack)
    now_ns: int = 0

    def connect(self, name: str = "", *, token: str = "", **more: Any) -> Client:
        """Connect, and say who it is if a name is given."""
        url = f"ws://127.0.0.1:{self.port}/ws/v1"
        client = Client(self.exits.enter_context(connect(url, compression=None, open_timeout=60, **more)))
        if name or token:
            client.say("hello", token=token or self.service.tokens[name])
            client.hello = client.hear()
        return client

    def run(self, name: str, run_id: str, slot: int = 0) -> str:
        """Give somebody a run that is at work."""
        row = {
            "agent_id": "", "face": "agent", "mode": "paper", "wanted": "RUN", "status": "RUNNING", "message": "",
            "agent_version": 1, "ended_ns": 0, "updated_ns": 1,
        }  # fmt: skip
        self.now_ns = max(self.now_ns, self.service.parts.clock.now_ns() - 60 * SECOND_NS)
        user_id = self.service.users[name].user_id
        with self.service.parts.database.write() as writing:
            values = {"run_id": run_id, "user_id": user_id, "slot": slot, "started_ns": self.now_ns}
            writing.run(RUN_OWNERS.insert().values(**values, **row))
        return run_id

    def write(self, **rows: Any) -> None:
        """Write what an engine would, in one transaction."""
        self.service.parts.database.store.commit(Batch(**rows))

    def order(self, run_id: str, client_id: str, state: str = "WORKING", filled: str = "0") -> OrderRecord:
        self.now_ns += 1_000_000
        return OrderRecord(
            client_id, run_id, "", "SPY", "BUY", "LIMIT", "DAY", "ENTRY", "SIGNAL", "10", filled, "", "501.20", "",
            state, self.now_ns, self.now_ns,
        )  # fmt: skip

    def fill(self, run_id: str, client_id: str, exec_id: str) -> FillEntry:
        self.now_ns += 1_000_000
        return FillEntry(
            "paper",
            f"paper:{run_id}",
            exec_id,
            run_id,
            client_id,
            "SPY",
            "BUY",
            "10",
            "501.20",
            350_000,
            self.now_ns,
            1,
        )

    def line(self, run_id: str, number: int, kind: str = "FILL") -> ProjectionRow:
        values = {"kind": kind, "strategy": "s", "symbol": "SPY", "text": f"line {number}", "data_json": "{}"}
        return ProjectionRow("activity_log", (run_id, number), {**values, "at_ns": 1_000 + number})

    def account(self, run_id: str, equity_micros: int) -> ProjectionRow:
        values = {"equity_micros": equity_micros, "cash_micros": 1, "updated_ns": 1, "open_trades": 1}
        return ProjectionRow("portfolio_state", (run_id, f"paper:{run_id}"), values)

    def position(self, run_id: str, quantity: str, price: str = "501.20") -> ProjectionRow:
        values = {"quantity": quantity, "market_price": price, "average_price": "500", "updated_ns": 1}
        return ProjectionRow("positions", (run_id, "s", "SPY"), values)

    def alert(self, run_id: str, number: int) -> AlertRow:
        now = self.service.parts.clock.now_ns()
        return AlertRow(f"{run_id}/FEED_DOWN/{number}", run_id, 2, "FEED_DOWN", "The feed is gone.", now)

    def halt(self, scope: str, state: str = "HALTED") -> GuardRow:
        self.now_ns += 1
        return GuardRow(scope, state, "because", "ann", self.now_ns)


@pytest.fixture
def stream(service: Service) -> Iterator[Stream]:
    """Return a real server whose hub turns often."""
    hub = service.parts.telling.hub
    hub.terms = replace(hub.terms, every_s=0.02, linger_s=1.0, most=8)
    config = server_config(service.app, Behind())
    config.lifespan = "off"
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=512) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        found = Stream(service, sock.getsockname()[1])
        yield found
        found.exits.close()
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


__all__ = ["Client", "Stream"]
