"""Use case: run an agent. Chooses every part of a run, serves it until it ends, and says how it fares."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal

from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore
from tidemill.model.agent import LISTENING, AgentSpec, check_name
from tidemill.model.errors import ConfigError, InvariantBroken, StoreError, TidemillError
from tidemill.runtime.clock import SystemIds
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.shutdown import drain
from tidemill.runtime.life.terms import Phase
from tidemill.runtime.record.writer import InlineWriter, ThreadWriter, Writer
from tidemill.runtime.watch.heartbeat import MachineSensors, beat_file
from tidemill.runtime.watch.terms import Supervision
from tidemill.services.agents import check_armed, limits_of, spec_hash, strategy_files, tolerances_of
from tidemill.services.desks import write_desk
from tidemill.services.health import health_of
from tidemill.services.kept_plan import keep_plan
from tidemill.services.live_market import LiveMarket, market_of
from tidemill.services.live_parts import Ending, RunRequest, parts_of, terms_of
from tidemill.services.live_view import LiveView, Watcher

__all__ = ["LiveRun", "open_run", "pick_run", "run_agent"]

_STOPS = (signal.SIGINT, signal.SIGTERM)


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
        ended = isinstance(feed, Ending) and feed.has_ended and self.run.parts.inbox.is_empty
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
        run, watch = self.run, self.run.parts.watch
        health = health_of(run, watch.sensors) if watch is not None else None
        return self.watcher.view(run.parts.clock.monotonic_ns()).beat(health)

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
        await self.writer.run(self._let_go)
        self.writer.close()

    def _let_go(self) -> None:
        self.run.close()
        self.store.close()


async def open_run(request: RunRequest) -> LiveRun:
    """Choose every part of a run; nothing is sent and nothing is served yet.

    Raises:
        TidemillError: in one sentence, what is wrong and what to do.
    """
    spec, clock = request.spec, request.clock
    check_armed(spec, request.arming)
    limits, tolerances = limits_of(spec), tolerances_of(spec)
    run_id = check_name(request.run_id or SystemIds().fresh(f"{spec.name[:50]}-"), "The run's id")
    is_fast = spec.feed.kind not in LISTENING and request.speed == math.inf
    writer: Writer = InlineWriter() if is_fast else ThreadWriter()
    account = spec.account or f"paper:{run_id}"
    store = await writer.run(lambda: open_store(request.home.url, migrate=True, lock=account, verify=False))
    try:
        known = await writer.run(lambda: store.run(run_id))
        market = market_of(spec, clock, known.started_ns if known is not None else clock.now_ns(), request.speed)
        terms = terms_of(request, run_id, market)
        write_desk(request.home, terms)
        keep_plan(request.home.runs / run_id, market.plan, strategy_files(spec))
        halts = Halts(request.home.halts)
        guard = SendGuard(RULES, limits, halts, tolerances=tolerances)
        parts = parts_of(request, terms, market, store, writer, guard, list(limits.values()))
        beats = beat_file(request.home.halts, run_id)
        sensors = MachineSensors(request.home.folder)
        parts.watch = Supervision(halts, beats, sensors)
        run = Run(terms, parts)
        return LiveRun(request, run, market, store, writer)
    except BaseException:
        await writer.run(store.close)
        writer.close()
        raise


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
