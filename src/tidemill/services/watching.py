"""Use case: watch over engines from a process of its own, with hands of its own.

The paper exchange lives inside the engine, so nobody else can reach its orders: there the watchdog leaves commands and
halts that the engine finds when it wakes up or starts again, before it does anything else.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore
from tidemill.kernel.transitions import is_final
from tidemill.model.broker import (
    AccountFacts,
    BrokerOrder,
    BrokerPosition,
    BrokerRules,
    Execution,
    OrderReport,
    OrderRequest,
    Page,
)
from tidemill.model.enums import EventKind, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import OrderRejected, StoreError
from tidemill.model.journal import AlertRow, Batch, OrderRecord
from tidemill.ports.broker import ReportSink
from tidemill.ports.store import CommandRow
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.runtime.guard.heartbeat import beat_file
from tidemill.runtime.guard.silence import WatchSettings
from tidemill.runtime.watch.watchdog import Watchdog
from tidemill.services.home import Home
from tidemill.services.hosting.wanted import read_wanted
from tidemill.services.logs import Log

__all__ = ["PaperHand", "Watched", "watch"]

_BY = "watchdog"
_PATIENCE_MS = 300
_SERVED = ("RUNNING", "PAUSED")


@dataclass(frozen=True, slots=True)
class Watched:
    """One run to watch over."""

    run_id: str
    account: str
    mode: str = "paper"


class PaperHand:
    """The account of a paper run as its record shows it; what it is asked for waits for the engine.

    Args:
        watched: the run. store: read and written. halts: where it writes when the database is locked.
    """

    name = "paper"
    rules = BrokerRules(frozenset(OrderType), frozenset(TimeInForce))

    def __init__(self, watched: Watched, store: SqlStore, halts: Halts) -> None:
        self._watched, self._store, self._halts, self._clock = watched, store, halts, SystemClock()

    async def open(self, sink: ReportSink) -> AccountFacts:  # noqa: ARG002 - nothing is ever pushed
        """Tell what account this is."""
        return await self.account()

    async def close(self) -> None:
        """Nothing is open."""

    async def account(self) -> AccountFacts:
        """Tell whose record it is; money is not looked at."""
        return AccountFacts(self._watched.account, self._watched.mode, "", 0, 0, 0, self._clock.now_ns())

    async def orders(self, since_ns: int) -> Page[BrokerOrder]:  # noqa: ARG002 - open ones only
        """List orders that may still fill, as recorded."""
        records = self._store.orders(self._watched.run_id)
        return Page(tuple(_shown(row) for row in records if not is_final(OrderState[row.state])))

    async def executions(self, since_ns: int) -> Page[Execution]:  # noqa: ARG002 - as above
        """List nothing: nobody asks."""
        return Page((), is_complete=False)

    async def positions(self) -> Page[BrokerPosition]:
        """List what the ledger holds besides money."""
        symbols = {row.symbol for row in self._store.orders(self._watched.run_id)}
        held = self._store.balances(self._watched.account, self._watched.run_id)
        items = [BrokerPosition(name, float(units), 0.0) for name, units in held.items() if name in symbols]
        return Page(tuple(item for item in items if item.quantity))

    async def find(self, client_id: str) -> BrokerOrder | None:
        """Look an order up in the record."""
        records = self._store.orders(self._watched.run_id)
        return next((_shown(row) for row in records if row.client_id == client_id), None)

    async def submit(self, order: OrderRequest) -> OrderReport:
        """Leave it to the engine: the FLATTEN halt that stands by now closes the position when it starts again."""
        return OrderReport(EventKind.ACK, order.client_id, ts_ns=self._clock.now_ns(), text="left to the engine")

    async def cancel(self, client_id: str, broker_id: str) -> None:  # noqa: ARG002 - the port's signature
        """Leave a cancel for the engine, once; with a locked database, a halt that cancels."""
        body = f'{{"client_id":"{client_id}"}}'
        digest = hashlib.sha256(f"cancel|{self._watched.run_id}|{body}".encode()).hexdigest()
        now, key = self._clock.now_ns(), f"{_BY}/{client_id}"
        try:
            self._store.put_command(CommandRow(key, _BY, self._watched.run_id, "cancel", body, digest, "NEW", "", now))
        except StoreError as error:
            self._halts.halt(
                f"account:{self._watched.account}", Rung.CANCEL, f"the engine is silent; {error}", _BY, now
            )

    async def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> OrderReport:  # noqa: ARG002
        """Refuse: the watchdog changes no order."""
        raise OrderRejected("The watchdog cancels; it changes no order.")


def _shown(row: OrderRecord) -> BrokerOrder:
    return BrokerOrder(
        row.client_id,
        row.broker_id,
        row.symbol,
        Side[row.side],
        OrderType[row.type],
        TimeInForce[row.tif],
        float(row.quantity),
        float(row.filled),
        float(row.average_price or "nan"),
        OrderState[row.state],
    )


async def watch(
    home: Home, watched: Sequence[Watched], settings: WatchSettings, parent: int = 0, *, hosted: bool = False
) -> None:
    """Watch over runs until cancelled, or until the process that started this one is gone.

    Args:
        home: where data lie. watched: the runs. settings: when to act.
        parent: process id of the starter, 0: nobody's.
        hosted: watch over every run of the service as well, as they come and go.
    """
    log, clock = Log(process=_BY), SystemClock()
    halts = Halts(home.halts)
    with open_store(home.url, verify=False, patience_ms=_PATIENCE_MS) as store:

        async def alert(severity: int, kind: str, text: str) -> None:
            log.warning("alert", severity=severity, kind=kind, text=text)
            now = clock.now_ns()
            with suppress(StoreError):
                store.commit(Batch(alerts=[AlertRow(f"{_BY}/{kind}/{now}", "", severity, kind, text, now)]))

        async with asyncio.TaskGroup() as group:
            tasks: dict[str, asyncio.Task[None]] = {}

            def begin(item: Watched) -> None:
                dog = Watchdog(
                    item.account,
                    item.mode,
                    broker=PaperHand(item, store, halts),
                    store=store,
                    clock=clock,
                    halts=halts,
                    alert=alert,
                    beat_file=beat_file(home.halts, item.run_id),
                    heart=f"run:{item.run_id}",
                    settings=settings,
                )
                tasks[item.run_id] = group.create_task(dog.run(), name=item.run_id)

            for item in watched:
                begin(item)
            kept = list(tasks)
            database = Database(home.url) if hosted else None
            while not parent or os.getppid() == parent:
                if database is not None:
                    with suppress(StoreError):
                        _follow(database, tasks, begin, kept)
                await clock.sleep(1.0)
            for task in tasks.values():
                task.cancel()


def _follow(
    database: Database, tasks: dict[str, asyncio.Task[None]], begin: Callable[[Watched], None], kept: Sequence[str]
) -> None:
    """Begin to watch over runs that have begun, and leave those that are over; runs of files stay."""
    served = [item for item in read_wanted(database) if item.status in _SERVED]
    active = {item.run_id: Watched(item.run_id, item.account) for item in served}
    for run_id in [name for name in tasks if name not in active and name not in kept]:
        tasks.pop(run_id).cancel()
    for run_id, item in active.items():
        if run_id not in tasks:
            begin(item)
