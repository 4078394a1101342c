"""A simulated engine process: a real run over a real record, wired as a new process would wire it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import numpy as np

from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.rules import RuleSpec
from tidemill.authoring.strategy import spec_of
from tidemill.engine.engine import Engine
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.model.enums import OrderState, Session
from tidemill.model.errors import StoreError, TidemillError
from tidemill.model.instrument import Instrument
from tidemill.model.settings import RunSettings
from tidemill.model.units import MICROS
from tidemill.ports.feed import MarketSink
from tidemill.ports.store import Store
from tidemill.runtime.core import Core
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.inbox import Inbox, Taken
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import Phase, RunParts, RunTerms
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.present import Present
from tidemill.runtime.room import InboxRoom
from tidemill.testing.simulation.clock import ProcessClock
from tidemill.testing.simulation.dice import Dice
from tidemill.testing.simulation.market import Wire
from tidemill.testing.simulation.record import FencedStore, SimWriter
from tidemill.testing.simulation.scenario import Scenario
from tidemill.testing.simulation.venue import WatchedBroker

__all__ = ["ACCOUNT", "CASH", "RUN_ID", "UNDER_WAY", "Process", "SeatedFeed", "make_engine", "plan_of", "wire"]

RUN_ID, ACCOUNT = "R1", "SIM1"
CASH = 100_000
LEASE_NS = 60_000_000_000  # of a simulated engine: four times the usual, and renewed as much more seldom
_ROOM = 1024  # bars that may wait
UNDER_WAY = frozenset(
    {
        OrderState.SENDING,
        OrderState.UNKNOWN,
        OrderState.CANCEL_PENDING,
        OrderState.REPLACE_PENDING,
    }
)
_STEPS: dict[str, Any] = {}  # compiled once per Python process


def plan_of(scenario: Scenario) -> EnginePlan:
    """Return what the engines of a day are built from."""
    zone = ZoneTable(np.array([-(2**62)], np.int64), np.zeros(1, np.int64))
    instruments = [Instrument(symbol, tick_size=0.01) for symbol in scenario.symbols]
    spec = spec_of(Dice)
    entrant = StrategyPlan(spec, spec.read_params(dict(scenario.strategy)), scenario.settings, window_zone=zone)
    run = RunSettings(cash=float(CASH), leverage=100.0, settings=scenario.settings)
    count = len(instruments)
    return EnginePlan(
        instruments, [scenario.bar_ns] * count, [CalendarPlan("ALWAYS", zone, 0)], [0] * count, [entrant], run
    )


@cache
def _rules() -> tuple[RuleSpec, ...]:
    return tuple(load_rules())


def make_engine(plan: EnginePlan) -> Engine:
    """Return a fresh engine; the strategy's machine code is shared."""
    engine = Engine(plan, _rules(), steps=_STEPS.get("dice"), equity_rows=1024)
    _STEPS["dice"] = engine.steps
    return engine


class SeatedFeed:
    """A process's seat at the wire.

    Args:
        wire: that brings the market. process: number of the process.
    """

    name = "simulated"
    delay_ns = 0
    is_replay = False

    def __init__(self, wire: Wire, process: int) -> None:
        self._wire, self._process = wire, process

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Listen until the process ends."""
        del symbols
        self._wire.listen(self._process, sink)
        await asyncio.get_running_loop().create_future()


class ObservedInbox(Inbox):
    """The door of a run; whoever asks for the next item has done with the one before."""

    observe: Callable[[], None] = staticmethod(lambda: None)

    def take(self, limit: int = 256) -> Taken | None:
        """Return the most urgent item."""
        self.observe()
        return super().take(limit)


@dataclass(slots=True)
class Process:
    """One engine process.

    Args:
        number: of the process. run, broker, store: its own.
        is_ready: it has started. ending: how it ended, empty while it lives.
    """

    number: int
    run: Run
    broker: WatchedBroker
    store: FencedStore
    ended: asyncio.Future[None]
    is_ready: bool = False
    ending: str = ""
    crash: BaseException | None = None
    told: list[str] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Return the lease's epoch the process believes in."""
        lease = self.run.journal.lease if hasattr(self.run, "journal") else None
        return lease.epoch if lease is not None else 0

    @property
    def is_restless(self) -> bool:
        """Tell whether the engine waits for an answer, or for something to become right: then no time is skipped."""
        run = self.run
        if not self.is_ready or not run.present.health.order_stream_ready:
            return True
        if any(order.state in UNDER_WAY or order.doubt for order in run.book.live.values()):
            return True
        if run.outside is not None and (run.outside.poller.is_wondering or run.outside.protector.is_watching):
            return True
        return run.phase is not Phase.RUNNING or self._is_apart

    @property
    def _is_apart(self) -> bool:
        """Tell whether the broker's next answer would show an order ended, or of another size than it has here."""
        live = self.run.book.live
        if not live:
            return False
        sizes = {order.client_id: order.quantity for order in self.broker.exchange.working()}
        return any(known.quantity != sizes.get(name) for name, known in live.items())

    async def live(self) -> None:
        """Start, serve, finish; whatever happens is written down."""
        try:
            await self.run.start()
            self.is_ready = True
            await self.run.serve()
            await self.run.finish(Phase.STOPPED)
            self.ending = "finished"
        except TidemillError as error:
            self.ending = f"{type(error).__name__}: {error}"
            with contextlib.suppress(StoreError, AttributeError):
                await self.run.finish(Phase.STOPPED)
        except Exception as error:  # noqa: BLE001 - a defect, which the day reports
            self.ending, self.crash = f"{type(error).__name__}: {error}", error
        finally:
            self.run.close()
            if not self.ended.done():
                self.ended.set_result(None)


def wire(  # noqa: PLR0913 - one for each part of a process
    number: int,
    scenario: Scenario,
    plan: EnginePlan,
    *,
    owner: str,
    broker: WatchedBroker,
    store: FencedStore,
    writer: SimWriter,
    clock: ProcessClock,
    feed: SeatedFeed,
    halts: Halts,
    folder: Any,
    ended: asyncio.Future[None],
    observe: Callable[[], None],
) -> Process:
    """Put together what a new process puts together."""
    tolerances = Tolerances(max_slippage_bps=1e4)
    limits = Limits(Scope.ACCOUNT, max_position_usd=scenario.max_position_usd)
    guard = SendGuard(RULES, {Scope.ACCOUNT: limits}, halts, tolerances=tolerances)
    instruments = list(plan.instruments)
    names = [item.spec.name for item in plan.strategies]

    def present(core: Core, book: OrderBook) -> Present:
        return Present(
            core,
            book,
            instruments=instruments,
            strategies=names,
            run_id=RUN_ID,
            account=ACCOUNT,
            mode="paper",
            scopes=[Scope.ACCOUNT],
            tolerances=tolerances,
            day_clock=DayClock("America/New_York", scenario.roll_minutes),
            session_of=lambda _row, _now: Session.REGULAR,
            interval_ns=scenario.bar_ns,
        )

    terms = RunTerms(
        run_id=RUN_ID,
        agent="simulated",
        account=ACCOUNT,
        mode="paper",
        broker="scripted",
        build="sim",
        spec="{}",
        spec_hash=hashlib.sha256(b"{}").hexdigest(),
        currency="USD",
        cash_micros=CASH * MICROS,
        instruments=instruments,
        strategies=names,
    )
    inbox = ObservedInbox(instruments, clock, room=InboxRoom(market=_ROOM))
    inbox.observe = observe  # a field that is called
    parts = RunParts(
        engine=make_engine(plan),
        broker=broker,
        exchange=None,
        feed=feed,
        inbox=inbox,
        store=cast("Store", store),
        writer=writer,
        folder=folder,
        clock=clock,
        guard=guard,
        present=present,
        push=lambda *_: None,
        owner=owner,
    )
    run = Run(terms, parts)
    run.keeper.ttl_ns = LEASE_NS
    return Process(number, run, broker, store, ended)
