"""Use case: one process that hosts every run of the service in one loop.

It reads which runs are wanted from the table of runs, serves each as a task of its own, and writes back how each
fares. What one run does wrong ends that run and no other. Commands of all runs are read by one question to the
database; a bell saves the wait for it, and nothing depends on the bell.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from tidemill.adapters.sql.database import Database
from tidemill.model.errors import StoreBusy, StoreError
from tidemill.model.journal import AnswerRow
from tidemill.ports.seams import Clock
from tidemill.ports.store import CommandRow
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.doorbell import Doorbell, ring
from tidemill.runtime.guard.heartbeat import Beat, beat_file, write_beat
from tidemill.runtime.record.writer import ThreadWriter
from tidemill.services.agents import spec_of_text
from tidemill.services.builds import build_name
from tidemill.services.home import Home
from tidemill.services.hosting.bells import API, HOST, answer_bell, engine_bell
from tidemill.services.hosting.builds import OTHER_BUILD, is_refused, other_build
from tidemill.services.hosting.hosted import Hosted
from tidemill.services.hosting.opening import open_hosted
from tidemill.services.hosting.showing import Showing
from tidemill.services.hosting.stalls import STALL_S, StallWatch
from tidemill.services.hosting.wanted import Wanted, read_over, read_spec, read_wanted, write_status
from tidemill.services.live import LiveRun
from tidemill.services.live_parts import RunRequest
from tidemill.services.logs import Log

__all__ = ["EngineHost"]

_LOOK_S = 0.025  # between two looks for commands when no bell rings
_RUNS_S = 0.25  # between two looks for runs when no bell rings
_BEAT_S = 1.0


class EngineHost:
    """Hosts all runs of one installation.

    Args:
        home: where data lie; its database has its tables.
        clock: of the machine.
        has_watchdog: a watchdog is expected to beat.
        say: told READY once, when every run that was wanted at the start is at work or has failed.
        stall_s: how long a strategy may keep the loop before its run is ended.
    """

    def __init__(
        self,
        home: Home,
        *,
        clock: Clock | None = None,
        has_watchdog: bool = False,
        say: Callable[[str], None] | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        self._home, self._clock, self._has_watchdog = home, clock or SystemClock(), has_watchdog
        self._say = say or (lambda _line: None)
        self._log, self._stall_s = Log(process=HOST), stall_s
        self._runs: dict[str, Hosted] = {}
        self._first: frozenset[str] | None = None
        self._is_ready = False
        self._stopping = asyncio.Event()
        self._opening = asyncio.Lock()  # one at a time: each takes a core and memory
        self._answers = answer_bell(home)

    def stop(self) -> None:
        """Ask for a clean stop: runs end after the event in hand, and go on with the next host."""
        self._stopping.set()

    async def serve(self) -> None:
        """Host runs until it is stopped.

        Raises:
            StoreError, StoreMismatch: the database cannot be used. OSError: the data folder cannot be written.
        """
        self._writer = ThreadWriter(HOST)
        try:
            self._database = await self._writer.run(lambda: Database(self._home.url))
            stalls = StallWatch(self._home, self._runs, self._clock, self._log, patience_s=self._stall_s)
            with Doorbell(engine_bell(self._home)) as bell, stalls:
                async with asyncio.TaskGroup() as runs:
                    beats = runs.create_task(self._beat(stalls), name="heartbeat")
                    shows = runs.create_task(Showing(self._home, self._runs, self._clock).serve(), name="window")
                    await self._look_on(bell, runs)
                    for hosted in self._runs.values():
                        hosted.leave()
                    await self._await_ends()
                    beats.cancel()
                    shows.cancel()
        finally:
            self._writer.close()

    async def _look_on(self, bell: Doorbell, runs: asyncio.TaskGroup) -> None:
        due = 0
        while not self._stopping.is_set():
            was_rung = await bell.wait(_LOOK_S)
            now = self._clock.monotonic_ns()
            with suppress(StoreBusy):  # locked by somebody else: looked at again
                await self._take_commands()
                if was_rung or now >= due:
                    due = now + int(_RUNS_S * 1e9)
                    await self._follow_runs(runs)

    async def _await_ends(self) -> None:
        while any(not hosted.is_over and hosted.live is not None for hosted in self._runs.values()):
            for hosted in self._runs.values():
                hosted.leave()
            await self._clock.sleep(_LOOK_S)

    # --- runs

    async def _follow_runs(self, runs: asyncio.TaskGroup) -> None:
        wanted = await self._writer.run(partial(read_wanted, self._database))
        for item in wanted:
            hosted = self._runs.get(item.run_id)
            if hosted is not None:
                await hosted.follow(item)
            elif item.wanted == "STOP":
                await self._tell(item, "STOPPED", "")
            else:
                self._runs[item.run_id] = hosted = self._hosted(item)
                runs.create_task(self._serve(hosted), name=item.run_id)
        if self._first is None:
            self._first = frozenset(self._runs)
        self._tell_ready()

    def _hosted(self, wanted: Wanted) -> Hosted:
        return Hosted(wanted, open_run=self._open, tell=self._tell, clock=self._clock, log=self._log)

    async def _serve(self, hosted: Hosted) -> None:
        run_id = hosted.wanted.run_id
        try:
            await hosted.serve()
        finally:
            self._runs.pop(run_id, None)
        if hosted.is_over:
            await self._refuse_rest(run_id)

    async def _open(self, wanted: Wanted) -> LiveRun:
        text, speed = await self._writer.run(partial(read_spec, self._database, wanted))
        request = RunRequest(spec_of_text(text), self._home, wanted.run_id, speed, clock=self._clock)
        async with self._opening:
            live = await open_hosted(request, has_watchdog=self._has_watchdog)
        live.run.parts.answered = lambda: ring(self._answers)
        return live

    async def _tell(self, wanted: Wanted, status: str, message: str) -> None:
        """Write how a run stands; while the database is locked this waits."""
        now = self._clock.now_ns()
        await self._writer.surely(partial(write_status, self._database, wanted, status, now, message))
        self._log("status", run=wanted.run_id, status=status, message=message)
        ring(self._answers)

    def _tell_ready(self) -> None:
        first = [self._runs[name] for name in sorted(self._first or ()) if name in self._runs]
        if not self._is_ready and all(hosted.is_serving for hosted in first):
            self._is_ready = True
            self._say("READY")

    # --- commands

    async def _take_commands(self) -> None:
        """Read what is new for anybody, once, and hand each run its own."""
        by_run: dict[str, list[CommandRow]] = defaultdict(list)
        refused: list[AnswerRow] = []
        commands = await self._writer.run(self._new_commands)
        api = other_build(self._home, self._clock, API) if commands else ""
        for command in commands:
            if api and is_refused(command.key, command.kind):
                why = f"The API runs build {api}, the engine {build_name()}; start both again with one build."
                refused.append(AnswerRow(command.key, "REFUSED", f"{OTHER_BUILD}: {why}"))
            else:
                by_run[command.run_id].append(command)
        if refused:
            await self._writer.surely(lambda: self._database.store.answer_commands(refused))
            ring(self._answers)
        for run_id, mine in by_run.items():
            hosted = self._runs.get(run_id)
            taking = hosted.take_commands(mine) if hosted is not None else None
            if taking is not None:
                await taking
        if strangers := [run_id for run_id in by_run if run_id not in self._runs]:
            for run_id in await self._writer.run(partial(read_over, self._database, strangers)):
                await self._refuse_rest(run_id)

    def _new_commands(self) -> list[CommandRow]:
        return self._database.store.new_commands()

    async def _refuse_rest(self, run_id: str) -> None:
        """Answer what came too late for a run: nobody waits for an answer that never comes."""
        rest = await self._writer.run(lambda: self._database.store.new_commands(run_id))
        answers = [AnswerRow(command.key, "REFUSED", "run_over: the run is over.") for command in rest]
        await self._writer.surely(lambda: self._database.store.answer_commands(answers))
        ring(self._answers)

    # --- signs of life

    async def _beat(self, stalls: StallWatch) -> None:
        """Say once a second that the loop turns, in a file and in the database."""
        file, count = beat_file(self._home.halts, HOST), 0
        file.parent.mkdir(parents=True, exist_ok=True)
        while True:
            count += 1
            stalls.beat()
            state = "RUNNING" if self._is_ready else "STARTING"
            with suppress(OSError):
                write_beat(file, Beat(count, self._clock.now_ns(), state, os.getpid(), build=build_name()))
            words = f'{{"build":"{build_name()}","runs":{len(self._runs)},"state":"{state}"}}'
            with suppress(StoreError):
                await self._writer.run(partial(self._write_beat, words))
            await self._clock.sleep(_BEAT_S)

    def _write_beat(self, words: str) -> None:
        self._database.store.heartbeat(HOST, self._clock.now_ns(), words)
