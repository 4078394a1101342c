"""Everything that watches over a run from inside its process: halts, the loop's lag, the heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tidemill.model.errors import InvariantBroken
from tidemill.runtime.watch.halt_watch import HaltWatch
from tidemill.runtime.watch.heartbeat import Heart
from tidemill.runtime.watch.lag import LagMeter
from tidemill.runtime.watch.terms import Supervised, Supervision

__all__ = ["Supervisor", "critical"]

_LAG_S = 0.1


async def critical(name: str, work: Callable[[], Awaitable[None]], is_over: Callable[[], bool]) -> None:
    """Do work that must not end before the run does: a task that dies quietly ends the process (P8).

    Args:
        name: of the task. work: called when the task takes its first step, so that one cancelled before leaves nothing.
        is_over: whether the run is coming to its end.

    Raises:
        InvariantBroken: it returned, or somebody cancelled it, while the run goes on.
    """
    try:
        await work()
    except asyncio.CancelledError:
        if is_over():
            raise
        raise InvariantBroken(f"The task {name} was cancelled while the run goes on; it is started anew.") from None
    if not is_over():
        raise InvariantBroken(f"The task {name} ended while the run goes on; it is started anew.")


class Supervisor:
    """Everything that watches over one run.

    Args:
        run: the run. terms: how it is watched.
        is_over: whether the run is coming to its end.
    """

    def __init__(self, run: Supervised, terms: Supervision, is_over: Callable[[], bool]) -> None:
        parts = run.parts
        self._run, self._is_over = run, is_over
        self._lag = LagMeter(parts.clock)
        self._is_slow = False
        self.halts = HaltWatch(run, terms.halts, parts.guard, heard=self._beat)
        self.heart = Heart(
            f"run:{run.terms.run_id}",
            terms.beat_file,
            store=parts.store,
            writer=parts.writer,
            clock=parts.clock,
            sensors=terms.sensors,
            health=run.present.health,
            words=terms.words,
            heeded=lambda: self.halts.heeded,
            alert=run.alert,
            watchdog=terms.watchdog,
            settings=terms.settings,
        )

    def _beat(self) -> None:
        """Let the watchdog know at once that a halt is carried out."""
        self.heart.beat()

    async def serve(self) -> None:
        """Watch until cancelled.

        Raises:
            InvariantBroken: one of the watching tasks has died.
        """
        works = {
            "halt files": self.halts.watch_files,
            "halt rows": self.halts.watch_rows,
            "lag meter": self._lag.serve,
            "lag": self._tell_lag,
            "heartbeat": self.heart.serve,
        }
        async with asyncio.TaskGroup() as group:
            for name, work in works.items():
                group.create_task(critical(name, work, self._is_over), name=name)

    async def _tell_lag(self) -> None:
        """Hand the loop's lag to the guard; call somebody when it is degraded."""
        run = self._run
        while True:
            run.present.health.loop_lag_s = self._lag.lag_s
            if self._lag.is_degraded and not self._is_slow:
                run.alert(3, "loop_lag", f"The event loop was {self._lag.lag_s:.2f} s late.")
            self._is_slow = self._lag.is_degraded
            await run.parts.clock.sleep(_LAG_S)
