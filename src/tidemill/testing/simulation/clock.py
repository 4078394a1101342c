"""The clock of a simulated process: it can jump, run late, and skips the time in which everybody only looks around.

A loop that looks for work ten times a second finds none as long as nothing happens. While the world is quiet such a
short sleep is drawn out; the moment something happens the sleeper wakes at the very instant it would have looked next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tidemill.runtime.words.poller import POLL_S
from tidemill.testing.exchange.faults import Faults
from tidemill.testing.simulation.loop import WorldLoop

__all__ = ["Activity", "ProcessClock"]

_SECOND_NS = 1_000_000_000
_QUIET_NS = 2 * _SECOND_NS  # so long after the last event the world counts as quiet
_KEEPER_NS = 28 * _SECOND_NS  # less than half a lease: longer would look like a pause
_LOOKER_NS = 240 * _SECOND_NS
_SHORT_S = 1.0


class Activity:
    """Knows when something happened last, and who sleeps until something does.

    Args:
        loop: of the world.
    """

    def __init__(self, loop: WorldLoop) -> None:
        self._loop = loop
        self.last_ns = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._readers: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def is_quiet(self) -> bool:
        """Tell whether nothing has happened for a while."""
        return self._loop.now_ns - self.last_ns > _QUIET_NS

    def happens(self) -> None:
        """Note that something happens now; whoever sleeps longer than it asked for wakes in time."""
        self.last_ns = self._loop.now_ns
        if self._sleepers:
            self._wake(self._sleepers)

    def command(self) -> None:
        """Note that a person has asked for something."""
        self.happens()
        self._wake(self._readers)

    def _wake(self, sleepers: list[tuple[int, int, asyncio.Future[None]]]) -> None:
        now = self._loop.now_ns
        for start, period, future in sleepers:
            if not future.done():
                due = now + (start - now) % period
                self._loop.call_at(due / _SECOND_NS, _settle, future)
        sleepers.clear()

    async def doze(self, seconds: float, *, is_reader: bool) -> None:
        """Sleep until something happens, at most for some while; wake where a sleep of ``seconds`` would."""
        now, period = self._loop.now_ns, round(seconds * _SECOND_NS)
        future: asyncio.Future[None] = self._loop.create_future()
        (self._readers if is_reader else self._sleepers).append((now, period, future))
        longest = _KEEPER_NS if period >= _SECOND_NS else _LOOKER_NS
        end = now + longest // period * period
        timer = self._loop.call_at(end / _SECOND_NS, _settle, future)
        try:
            await future
        finally:
            timer.cancel()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class ProcessClock:
    """Wall clock, monotonic clock and sleep of one process.

    Args:
        loop, activity: of the world.
        start_ns: wall clock when the loop's time is zero, UTC.
        faults: T6 makes timers late.
        offset, slept: what the machine's wall clock is wrong by, and how long it has slept, in nanoseconds.
        is_restless: tells whether the process waits for something to happen.
    """

    def __init__(
        self,
        loop: WorldLoop,
        activity: Activity,
        start_ns: int,
        faults: Faults,
        *,
        offset: Callable[[], int] = lambda: 0,
        slept: Callable[[], int] = lambda: 0,
        is_restless: Callable[[], bool] = lambda: False,
    ) -> None:
        self._loop, self._activity, self._start, self._faults = loop, activity, start_ns, faults
        self._offset, self._slept, self._is_restless = offset, slept, is_restless

    def now_ns(self) -> int:
        """Return the wall clock, which may be wrong."""
        return self._start + self._loop.now_ns + self._offset()

    def monotonic_ns(self) -> int:
        """Return nanoseconds since the world began, those in which the machine slept left out."""
        return self._loop.now_ns - self._slept()

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        if seconds == POLL_S:
            await self._activity.doze(seconds, is_reader=True)
        elif 0.0 < seconds <= _SHORT_S and self._activity.is_quiet and not self._is_restless():
            await self._activity.doze(seconds, is_reader=False)
        else:
            late = self._faults.value("T6") * self._faults.draw("T6") if self._faults.fires("T6") else 0.0
            await asyncio.sleep(seconds + late if seconds > 0.0 else seconds)
