"""Use case: run an agent. Chooses every part of a run, serves it until it ends, and says how it fares."""

from __future__ import annotations

import asyncio
import contextlib
import math
import platform
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tidemill import __version__
from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.feeds import PushedFeed
from tidemill.adapters.paper import PaperBroker, PaperTerms
from tidemill.adapters.paper.account import PaperAccount
from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore
from tidemill.authoring.rulebook import load_rules
from tidemill.engine.engine import Engine
from tidemill.model.agent import AgentSpec, check_name
from tidemill.model.enums import Session
from tidemill.model.errors import ConfigError, InvariantBroken, StoreError, TidemillError
from tidemill.model.units import to_micros
from tidemill.ports.feed import Feed, MarketSink
from tidemill.ports.seams import Clock
from tidemill.research.planning import plan_run
from tidemill.runtime.book import OrderBook
from tidemill.runtime.clock import SystemClock, SystemIds
from tidemill.runtime.core import Core
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Arming, Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.halts import Halts
from tidemill.runtime.heartbeat import MachineSensors, beat_file
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.outgoing import Outgoing
from tidemill.runtime.present import Present
from tidemill.runtime.run import Phase, Run, RunParts, RunTerms
from tidemill.runtime.shutdown import drain
from tidemill.runtime.supervisor import Supervision
from tidemill.runtime.writer import InlineWriter, ThreadWriter, Writer
from tidemill.services.agents import check_armed, limits_of, spec_hash, spec_text, tolerances_of
from tidemill.services.desks import write_desk
from tidemill.services.home import Home
from tidemill.services.live_market import LiveMarket, SessionTable, market_of
from tidemill.services.live_view import LiveView, Watcher

__all__ = ["LiveRun", "RunRequest", "engine_of", "open_run", "pick_run", "run_agent"]

_STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class RunRequest:
    """What a user asks for: an agent, and where and how it is to run.

    Args:
        spec: the agent. home: where data lie.
        run_id: of the run to begin or to go on with; empty: a new one.
        speed: of a replay or simulated market, times the market's pace.
        arming: the keys turned, for real money.
        clock: of the machine, unless it is simulated.
        watch, every_s: told how the run fares, every so many seconds.
    """

    spec: AgentSpec
    home: Home
    run_id: str = ""
    speed: float = math.inf
    arming: Arming | None = None
    clock: Clock = field(default_factory=SystemClock)
    watch: Callable[[LiveView], None] | None = None
    every_s: float = 1.0


class _PaperPresent(Present):
    """Facts of a run whose account is simulated: its money is looked up at every question."""

    funds: PaperAccount

    def facts(self, item: Outgoing, now_ns: int, mono_ns: int) -> Facts:
        """Return everything a rule may look at before a request leaves."""
        if self.broker is not None:
            funds = self.funds
            self.broker = replace(
                self.broker,
                cash_micros=funds.cash,
                equity_micros=funds.equity,
                buying_power_micros=funds.buying_power,
                server_ns=now_ns,
            )
        return super().facts(item, now_ns, mono_ns)


class _Ending:
    """A feed that remembers whether it came to its end.

    Args:
        feed: what it passes on.
    """

    def __init__(self, feed: Feed) -> None:
        self.name, self.delay_ns, self.is_replay = feed.name, feed.delay_ns, feed.is_replay
        self.has_ended = False
        self._feed = feed

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Pass on."""
        await self._feed.stream(symbols, sink)
        self.has_ended = True


def _told(errors: BaseExceptionGroup[BaseException]) -> TidemillError:
    """Return the first error of a group; one that is not ours is a defect, and says so."""
    first = errors.exceptions[0]
    if isinstance(first, BaseExceptionGroup):
        return _told(first)
    if isinstance(first, TidemillError):
        return first
    kind = f"{type(first).__name__}: {first}".splitlines()[0]
    made = InvariantBroken(
        f"The run failed in a way it should not ({kind}); its record is whole, please report it with --traceback."
    )
    made.__cause__ = first
    return made


def pick_run(store: SqlStore, spec: AgentSpec) -> str:
    """Return the newest run of an agent that can go on.

    Raises:
        ConfigError: there is none.
    """
    for row in store.runs():
        if row.agent == spec.name and row.spec_hash == spec_hash(spec) and row.state != Phase.COMPLETED:
            return row.run_id
    raise ConfigError(f"No run of {spec.name} with these settings is unfinished; leave --resume out to begin one.")


class LiveRun:
    """A run with everything it is made of, open until ``close``.

    Args:
        request: what was asked for.
        run: of the runtime.
        market: what it trades on.
        store, writer: its record.
    """

    def __init__(self, request: RunRequest, run: Run, market: LiveMarket, store: SqlStore, writer: Writer) -> None:
        self.request, self.run, self.market, self.store, self.writer = request, run, market, store, writer
        self.watcher = Watcher(run, market.rows)
        if run.parts.watch is not None:
            run.parts.watch.words = self._words
        run.parts.follow.append(self.watcher.follow)
        self._is_stopped = False
        self._is_over = False
        self._stop_asked = asyncio.Event()

    def stop(self) -> None:
        """End the run after the event in hand; it can go on later."""
        self._is_stopped = True
        self._stop_asked.set()

    async def _drain(self) -> None:
        """Come to rest once a stop is asked for, then stop."""
        await self._stop_asked.wait()
        await drain(self.run)
        self.run.stop()

    async def serve(self) -> LiveView:
        """Start (or start again), run until the end, finish; return how it stands then.

        Raises:
            TidemillError: it could not start, or it failed; the record says ERROR and why.
        """
        run = self.run
        await run.start()
        self.watcher.begin(run.parts.clock.monotonic_ns())
        failure: TidemillError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                works = {"watch": self._watch, "end": self._end, "drain": self._drain}
                tasks = [group.create_task(work(), name=name) for name, work in works.items()]
                await run.serve()
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as errors:
            failure = _told(errors)
            run.phase, run.message = Phase.ERROR, str(failure)
        await self._finish(failure)
        if failure is not None:
            raise failure
        return self.watcher.view(run.parts.clock.monotonic_ns())

    async def _finish(self, failure: TidemillError | None) -> None:
        feed = self.run.parts.feed
        ended = isinstance(feed, _Ending) and feed.has_ended and self.run.parts.inbox.is_empty
        is_complete = self._is_over or (ended and not self._is_stopped)
        try:
            await self.run.finish(Phase.COMPLETED if is_complete else Phase.STOPPED)
            if self.run.supervisor is not None:
                await self.run.supervisor.heart.beat_row()
                if failure is None:
                    self.run.supervisor.heart.close()
        except StoreError:
            if failure is None:
                raise
        if self.request.watch is not None:
            self.request.watch(self.watcher.view(self.run.parts.clock.monotonic_ns()))

    async def _watch(self) -> None:
        """Tell whoever watches how the run fares."""
        clock, request = self.run.parts.clock, self.request
        while request.watch is not None:
            self.run.journal.flush()  # whoever watches is told what a kill cannot take back
            await self.run.journal.commit()
            request.watch(self.watcher.view(clock.monotonic_ns()))
            await clock.sleep(request.every_s)

    def _words(self) -> str:
        return self.watcher.view(self.run.parts.clock.monotonic_ns()).beat()

    async def _end(self) -> None:
        """Complete the run at its scheduled end; a replay's data are cut there already."""
        end_ns = self.request.spec.schedule.end_ns
        clock = self.run.parts.clock
        if not end_ns or self.run.parts.feed.is_replay:
            return
        while (left := end_ns - clock.now_ns()) > 0:
            await clock.sleep(min(left / 1e9, 60.0))
        self._is_over = True
        self.run.stop()

    async def close(self) -> None:
        """Let go of the record."""
        await self.writer.run(self.store.close)
        self.writer.close()


async def open_run(request: RunRequest) -> LiveRun:
    """Choose every part of a run; nothing is sent and nothing is served yet.

    Raises:
        TidemillError: in one sentence, what is wrong and what to do.
    """
    spec, clock = request.spec, request.clock
    check_armed(spec, request.arming)
    limits, tolerances = limits_of(spec), tolerances_of(spec)
    run_id = check_name(request.run_id or SystemIds().fresh(f"{spec.name[:50]}-"), "The run's id")
    is_fast = spec.feed.kind != "push" and request.speed == math.inf
    writer: Writer = InlineWriter() if is_fast else ThreadWriter()
    account = spec.account or f"paper:{run_id}"
    store = await writer.run(lambda: open_store(request.home.url, migrate=True, lock=account, verify=False))
    try:
        known = await writer.run(lambda: store.run(run_id))
        market = market_of(spec, clock, known.started_ns if known is not None else clock.now_ns(), request.speed)
        terms = _terms(request, run_id, market)
        write_desk(request.home, terms)
        halts = Halts(request.home.halts)
        guard = SendGuard(RULES, limits, halts, tolerances=tolerances)
        parts = _parts(request, terms, market, store, writer, guard, list(limits.values()))
        beats = beat_file(request.home.halts, run_id)
        sensors = MachineSensors(request.home.folder)
        parts.watch = Supervision(halts, beats, sensors)
        run = Run(terms, parts)
        return LiveRun(request, run, market, store, writer)
    except BaseException:
        await writer.run(store.close)
        writer.close()
        raise


def _terms(request: RunRequest, run_id: str, market: LiveMarket) -> RunTerms:
    spec = request.spec
    return RunTerms(
        run_id=run_id,
        agent=spec.name,
        account=spec.account or f"paper:{run_id}",
        mode=spec.mode,
        broker=spec.broker,
        build=__version__,
        spec=spec_text(spec),
        spec_hash=spec_hash(spec),
        currency=spec.run.currency,
        cash_micros=to_micros(spec.run.cash),
        instruments=list(market.instruments),
        strategies=[entrant.spec.name for entrant in market.entrants],
    )


def engine_of(spec: AgentSpec, market: LiveMarket) -> Engine:
    """Return a fresh core for an agent, as every run of it begins.

    Raises:
        ConfigError, DataError: the plan cannot be made. StrategyError: a strategy does not compile.
    """
    plan = plan_run(market.entrants, market.bars, market.instruments, spec.run, get_calendar)
    history = market.bars if market.is_known else ()
    return Engine(plan, load_rules(), form=spec.form, equity_rows=max(market.rows, 4096), history=history)


def _parts(
    request: RunRequest,
    terms: RunTerms,
    market: LiveMarket,
    store: SqlStore,
    writer: Writer,
    guard: SendGuard,
    limits: Sequence[Limits],
) -> RunParts:
    spec, clock = request.spec, request.clock
    engine = engine_of(spec, market)
    plan = engine.plan
    broker = PaperBroker(plan, PaperTerms(account_id=terms.account))
    feed = _Ending(market.feed)
    sessions = SessionTable(market.instruments)
    asks_session = any(not item.extended_hours for item in limits)
    first = market.instruments[0]

    def present(core: Core, book: OrderBook) -> Present:
        made = _PaperPresent(
            core,
            book,
            instruments=list(market.instruments),
            strategies=list(terms.strategies),
            run_id=terms.run_id,
            account=terms.account,
            mode=terms.mode,
            scopes=[item.scope for item in limits],
            tolerances=tolerances_of(spec),
            day_clock=DayClock(first.zone, first.day_roll_minutes),
            # only where a limit looks at it: calendars are heavy
            session_of=sessions if asks_session else lambda _row, _now: Session.REGULAR,
            interval_ns=max(plan.intervals_ns),
            delay_ns=feed.delay_ns,
        )
        made.funds = broker.funds
        made.health.is_reconciled = True  # the paper account is the record itself
        return made

    return RunParts(
        engine=engine,
        broker=broker,
        exchange=broker,
        feed=feed,
        inbox=Inbox(list(market.instruments), clock, is_replay=feed.is_replay),
        store=store,
        writer=writer,
        folder=request.home.runs,
        clock=clock,
        guard=guard,
        present=present,
        push=_pusher(market.feed),
        candles=market.candles,
        warmup=market.warmup,
        owner=f"engine@{platform.node()}",
    )


def _pusher(feed: Feed) -> Callable[[str, float, float, int], None]:
    """Return what takes a tick from outside."""

    def push(symbol: str, price: float, size: float, ts_ns: int) -> None:
        if not isinstance(feed, PushedFeed):
            raise ConfigError(f"This run listens to a {feed.name} feed; only one with --feed push takes ticks.")
        feed.push_trade(symbol, price, size, ts_ns=ts_ns)

    return push


def run_agent(request: RunRequest, *, resume: bool = False) -> LiveView:
    """Run an agent until its feed ends, it is stopped, or it fails; SIGINT and SIGTERM stop it, a second one at once.

    Args:
        request: what to run.
        resume: go on with the newest unfinished run of the same agent.

    Raises:
        TidemillError: in one sentence, what is wrong and what to do.
    """
    if request.spec.mode == "live" and request.arming is None:
        check_armed(request.spec)
    if resume and not request.run_id:
        with open_store(request.home.url, verify=False) as store:
            request.run_id = pick_run(store, request.spec)
    return asyncio.run(_run(request))


async def _run(request: RunRequest) -> LiveView:
    live = await open_run(request)
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        for item in _STOPS:
            loop.remove_signal_handler(item)  # the next one ends the process, as a kill would
        live.stop()

    try:
        with contextlib.suppress(NotImplementedError, RuntimeError):  # none on Windows and in other threads
            for number in _STOPS:
                loop.add_signal_handler(number, on_signal)
        return await live.serve()
    finally:
        await live.close()
