"""What a run is, what it is made of, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.instrument import Instrument
from tidemill.model.journal import RunRow
from tidemill.ports.broker import Broker
from tidemill.ports.feed import Feed
from tidemill.ports.seams import Clock
from tidemill.ports.store import Store
from tidemill.runtime.core import Core, Written
from tidemill.runtime.guard.account_rules import AccountRule
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.market.candles import Candles
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.desk import SteppedExchange
from tidemill.runtime.orders.present import Present
from tidemill.runtime.orders.translation import ENTRY_TTL_NS
from tidemill.runtime.record.writer import Writer
from tidemill.runtime.watch.terms import Supervision

__all__ = ["Phase", "RunParts", "RunTerms"]


class Phase(StrEnum):
    """Where a run stands."""

    STARTING = "STARTING"
    RECONCILING = "RECONCILING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class RunTerms:
    """What a run is, in words that never change while it lives.

    Args:
        run_id, agent, account, mode, broker, build: names.
        spec, spec_hash: the agent's specification as JSON, and its hash.
        currency, cash_micros: of the sub-ledger at its start.
        instruments, strategies: in the core's order.
        ttl_ns: how long an entry may wait before it leaves.
    """

    run_id: str
    agent: str
    account: str
    mode: str
    broker: str
    build: str
    spec: str
    spec_hash: str
    currency: str
    cash_micros: int
    instruments: Sequence[Instrument]
    strategies: Sequence[str]
    ttl_ns: int = ENTRY_TTL_NS

    def row(self, state: str, message: str, started: int, ended: int) -> RunRow:
        """Return the run's row in the store."""
        return RunRow(
            run_id=self.run_id,
            agent=self.agent,
            spec=self.spec,
            spec_hash=self.spec_hash,
            mode=self.mode,
            broker=self.broker,
            account=self.account,
            build=self.build,
            state=state,
            message=message,
            started_ns=started,
            ended_ns=ended,
        )


@dataclass(slots=True)
class RunParts:
    """What a run is made of; whoever wires it chooses each.

    Args:
        engine: fresh, strategies bound.
        broker: where orders go; ``exchange`` is the same object when it is a simulated one, else None.
        feed: where market data come from.
        inbox: the one door.
        store, writer, folder: the durable record; the store belongs to the writer's thread.
        clock: of the run.
        guard: with rules and limits; None only where the run sends nothing.
        present: makes the facts of a run out of its core and book.
        push: takes a tick from outside; raises ConfigError when the feed takes none.
        candles: builds bars from trades, where the feed brings trades.
        warmup: groups of bars before the run's first, oldest first; taken by a new run with entries held back.
        owner: name of this process on the lease.
        watch: how it is watched from inside: halts, lag, heartbeat; None in backtests of the runtime.
        follow: told what the core has booked, with the tape row (read tables, streams, screens).
        rules: an owner's own, beside the limits of the guard.
        polls: whether the run looks for its commands itself; else whoever hosts it hands them to its poller.
        answered: told when answers to commands are on the disk.
    """

    engine: Engine
    broker: Broker
    exchange: SteppedExchange | None
    feed: Feed
    inbox: Inbox
    store: Store
    writer: Writer
    folder: Path
    clock: Clock
    guard: SendGuard
    present: Callable[[Core, OrderBook], Present]
    push: Callable[[str, float, float, int], None]
    candles: Candles | None = None
    warmup: Sequence[NDArray[Any]] = ()
    owner: str = "engine"
    watch: Supervision | None = None
    follow: list[Callable[[int, Written], None]] = field(default_factory=list)
    rules: Sequence[AccountRule] = ()
    polls: bool = True
    answered: Callable[[], object] = lambda: None
