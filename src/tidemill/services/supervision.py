"""Use case: keep engines and their watchdog alive. One process per agent, started again when it dies, not for ever.

An engine that dies is started again at once and goes on with its run; the third death within ten minutes leaves it down
and halted. An engine that hangs is killed; if its stack shows a strategy at work, that strategy is not called again.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import LeaseLost, StoreError
from tidemill.model.journal import AlertRow, Batch
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.runtime.guard.heartbeat import beat_file, read_beat
from tidemill.runtime.watch.halt_watch import HUNG
from tidemill.services.children import Child, KeeperSettings, State
from tidemill.services.engine_jobs import EngineJob, blame, stack_file
from tidemill.services.home import Home
from tidemill.services.logs import Log

__all__ = ["Keeper"]

_BY = "watchdog"  # lifts nothing by itself
_LOOK_S = 0.02
_AGAIN_S = 1.0
_STACK_S = 0.3  # for the process to write down where it hangs
_TAKEN = LeaseLost.exit_code
# Exit codes of errors that come back unchanged however often it is tried: settings, data, versions, a torn record.
_HOPELESS = frozenset({2, *range(3, 12), 15, 23, 24})


class Keeper:
    """Keeps the engines and one watchdog alive until it is stopped.

    Args:
        home: where data lie. jobs: the engines.
        engine, watchdog: the command of an engine's process by run, and of the watchdog's.
        names: strategies of a run, in order, once it has started.
        services: commands of the service's processes by name: ``host``, which hosts runs, and ``api``; while there are
            any, it does not end by itself.
        say: told READY, and what a person at the terminal should see.
    """

    def __init__(
        self,
        home: Home,
        jobs: Sequence[EngineJob],
        *,
        engine: Callable[[EngineJob], list[str]],
        watchdog: list[str],
        names: Callable[[str], Sequence[str]],
        say: Callable[[str], None],
        settings: KeeperSettings | None = None,
        services: Mapping[str, list[str]] | None = None,
    ) -> None:
        self._home, self._names, self._say = home, names, say
        self._settings, self._log = settings or KeeperSettings(), Log(process="up")
        self._engines = [Child(job.run_id, engine(job), job) for job in jobs]
        self._services = [Child(name, command) for name, command in (services or {}).items()]
        self._children = [Child("watchdog", watchdog), *self._engines, *self._services]
        self._halts = Halts(home.halts)
        self._stops = 0
        self._was_ready = False

    def stop(self) -> None:
        """Ask for a clean stop; the second time everything is killed."""
        self._stops += 1

    def run(self) -> int:
        """Keep everything alive until all runs are over or it is stopped; return how many engines stay down."""
        for child in self._children:
            self._start(child)
        kept = [*self._engines, *self._services]
        while not self._stops and any(child.state in {State.STARTING, State.READY} for child in kept):
            for child in self._children:
                self._look(child)
            self._tell_ready()
            time.sleep(_LOOK_S)
        self._stop_all()
        return sum(child.state is State.DOWN for child in kept)

    def _start(self, child: Child) -> None:
        logs = self._home.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{child.name}.log").open("ab") as file:
            child.process = subprocess.Popen(  # noqa: S603 - our own command
                child.command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        child.state, child.heard = State.STARTING, time.monotonic()
        self._log("started", child=child.name, pid=child.process.pid, deaths=len(child.deaths))

    def _look(self, child: Child) -> None:
        process = child.process
        if child.due and time.monotonic() >= child.due and child.state is State.STARTING:
            child.due = 0.0
            self._start(child)
            return
        if process is None or child.state in {State.DONE, State.DOWN}:
            return
        code = process.poll()
        if code is not None:
            self._bury(child, code)
        elif child.beats:
            self._listen(child, process)

    def _listen(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        beat, now = read_beat(beat_file(self._home.halts, child.name)), time.monotonic()
        if beat is not None and beat != child.beat and beat.pid == process.pid:
            child.beat, child.heard = beat, now
            if child.state is State.STARTING and beat.state == "RUNNING":
                child.state, child.refused = State.READY, 0.0
                self._log("ready", child=child.name, pid=process.pid)
        if child.state is State.READY and now - child.heard > self._settings.hang_s:
            self._kill_hanging(child, process)

    def _kill_hanging(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """Kill an engine that hangs, and see to it that what hung is not called again."""
        file = stack_file(self._home, child.name)
        seen = file.stat().st_size if file.exists() else 0
        if hasattr(signal, "SIGUSR1"):
            process.send_signal(signal.SIGUSR1)
            time.sleep(_STACK_S)
        process.kill()
        process.wait()
        stack = file.read_bytes()[seen:].decode(errors="replace") if file.exists() else ""
        self._alert("engine_hung", f"The engine of {child.name} was silent and has been killed.")
        if child.job is not None:
            for name in blame(stack, child.job.spec, self._names(child.name)):
                self._halt(f"strategy:{child.name}/{name}", f"{HUNG}; it is not called again in this run", Rung.PAUSE)
                self._alert("strategy_disabled", f"Strategy {name} of {child.name} hung and is disabled.")

    def _bury(self, child: Child, code: int) -> None:
        """Decide whether a process that has ended is started again."""
        now = time.monotonic()
        if child.job is not None and code == 0:
            child.state = State.DONE
            self._log("finished", child=child.name)
            return
        if code == _TAKEN:
            self._give_way(child, now)
            return
        child.refused = 0.0
        child.deaths.append(now)
        while child.deaths[0] < now - self._settings.window_s:
            child.deaths.popleft()
        self._log.warning("died", child=child.name, code=code, deaths=len(child.deaths))
        hopeless = code in _HOPELESS
        if child in self._services and hopeless:
            child.state = State.DOWN
            self._say(f"{child.name} stays down: see {self._home.folder / 'logs' / f'{child.name}.log'}")
            return
        if child.job is None or (len(child.deaths) < self._settings.restarts and not hopeless):
            if child.job is None and len(child.deaths) >= self._settings.restarts:
                # What serves everybody is started for ever, but not as fast as it can die.
                child.process, child.state, child.due = None, State.STARTING, now + _AGAIN_S
                return
            self._start(child)
            return
        child.state = State.DOWN
        why = f"it ended with code {code}" if hopeless else f"it died {len(child.deaths)} times"
        self._alert("engine_down", f"The engine of {child.name} stays down: {why}.")
        if not hopeless:
            self._halt(f"run:{child.name}", f"{why} in {self._settings.window_s:.0f} s", Rung.PAUSE)
        self._say(f"{child.name} stays down: {why}; see {self._home.folder / 'logs' / f'{child.name}.log'}")

    def _give_way(self, child: Child, now: float) -> None:
        """Try again for a while when another engine holds the account; it trades there, so nothing is halted."""
        child.refused = child.refused or now
        child.process, child.state = None, State.STARTING
        self._log.warning("taken", child=child.name, waited_s=round(now - child.refused, 1))
        if now - child.refused < self._settings.taken_s:
            child.due = now + _AGAIN_S
            return
        child.state = State.DOWN
        self._alert("engine_taken", f"Another engine owns the account of {child.name}; this one stays down.")
        self._say(f"{child.name} stays down: another engine owns its account; stop that one first")

    def _tell_ready(self) -> None:
        beating = [child for child in self._children if child.beats]
        is_ready = all(child.state is not State.STARTING for child in beating)
        is_ready = is_ready and all(child.state is not State.DOWN for child in self._services)
        if is_ready and not self._was_ready and any(child.state is State.READY for child in beating):
            self._say("READY")
        self._was_ready = is_ready

    def _halt(self, scope: str, reason: str, rung: Rung) -> None:
        now = SystemClock().now_ns()
        with suppress(OSError):
            row = self._halts.halt(scope, rung, reason, _BY, now)
            self._write(Batch(guard=[row] if row is not None else []))

    def _alert(self, kind: str, text: str) -> None:
        now = SystemClock().now_ns()
        self._log.warning("alert", kind=kind, text=text)
        self._write(Batch(alerts=[AlertRow(f"up/{kind}/{now}", "", 1, kind, text, now)]))

    def _write(self, batch: Batch) -> None:
        """Write into the record if it takes it; nothing here waits for that."""
        with suppress(StoreError), open_store(self._home.url, verify=False, patience_ms=300) as store:
            store.commit(batch)

    def _stop_all(self) -> None:
        """End engines first, the watchdog last; a second word, or too much time, kills."""
        until = time.monotonic() + self._settings.stop_s
        for group in (self._children[1:], self._children[:1]):
            living = [child.process for child in group if child.process is not None]
            for process in living:
                if process.poll() is None:
                    process.send_signal(signal.SIGCONT if hasattr(signal, "SIGCONT") else signal.SIGTERM)
                    process.terminate()
            while any(process.poll() is None for process in living):
                if self._stops > 1 or time.monotonic() > until:
                    for process in living:
                        process.kill()
                        process.wait()
                time.sleep(_LOOK_S)
        self._log("stopped")
