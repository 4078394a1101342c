"""An event loop on virtual time: a simulated day of sleeping passes as fast as the work in it, the same way every time.

Whatever is ready runs; when nothing is, the time jumps to the next timer. There is no socket and no thread in it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio.events import _set_running_loop
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

from tidemill.model.errors import InvariantBroken

__all__ = ["SimLoop", "run_simulated"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_SECOND_NS = 1_000_000_000


class SimLoop(asyncio.AbstractEventLoop):
    """A deterministic event loop for simulations.

    Args:
        seed: shuffles what is ready at one instant, by this seed; None keeps the order of arrival.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.now_ns = 0
        self.complaints: list[dict[str, Any]] = []  # exceptions nobody took
        self._chance = random.Random(seed) if seed is not None else None  # noqa: S311 - seeded, for tests
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._count = 0
        self._is_stopping = self._is_running = self._is_closed = False

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self.now_ns / _SECOND_NS

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback at this instant, after what is running."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a virtual time; timers of one instant run in the order they were made."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._timers, (max(round(when * _SECOND_NS), self.now_ns), self._count, timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback after virtual seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Let a cancelled timer lie until its turn; it never moves the time."""

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Return a task of this loop."""
        return asyncio.Task(coro, loop=self, **options)

    def turn(self) -> None:
        """Run everything ready at this instant, or jump to the next timer and run what is ready then.

        Raises:
            InvariantBroken: everybody waits for somebody else.
        """
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not self._ready:
            if not timers:
                raise InvariantBroken("The simulation is stuck: nothing is ready and no timer will ever wake it.")
            self.now_ns = timers[0][0]
        while timers and timers[0][0] <= self.now_ns:
            self._ready.append(heapq.heappop(timers)[2])
        batch, self._ready = self._ready, []
        if self._chance is not None:
            self._chance.shuffle(batch)
        self.run_batch(batch)

    def run_batch(self, batch: list[asyncio.Handle]) -> None:
        """Run what is ready together."""
        for handle in batch:
            if not handle.cancelled():
                handle._run()  # noqa: SLF001 - what an event loop does with a handle

    def _run_while(self, goes_on: Callable[[], bool]) -> None:
        self._is_stopping, self._is_running = False, True
        _set_running_loop(self)
        try:
            while goes_on() and not self._is_stopping:
                self.turn()
        finally:
            self._is_running = False
            _set_running_loop(None)

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future or coroutine is done; return its result or raise its error."""
        task = asyncio.ensure_future(future, loop=self)
        self._run_while(lambda: not task.done())
        return task.result()

    def run_forever(self) -> None:
        """Run until ``stop``."""
        self._run_while(lambda: True)

    def stop(self) -> None:
        """Stop after the present turn."""
        self._is_stopping = True

    def is_running(self) -> bool:
        """Tell whether the loop is running."""
        return self._is_running

    def is_closed(self) -> bool:
        """Tell whether the loop was closed."""
        return self._is_closed

    def close(self) -> None:
        """Drop what never ran."""
        self._is_closed = True
        self._ready.clear()
        self._timers.clear()

    async def shutdown_asyncgens(self) -> None:
        """Nothing to shut down: asynchronous generators are not tracked."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's own
        """Nothing to shut down: there are no threads."""

    def get_debug(self) -> bool:
        """Tell that asyncio's debug mode is off: it reads clocks."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Leave debug mode off."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody took in ``complaints``."""
        self.complaints.append(context)


def run_simulated(main: Coroutine[Any, Any, T], *, seed: int | None = None) -> T:
    """Run a coroutine to its end on virtual time, as ``asyncio.run`` does on real time.

    Raises:
        InvariantBroken: it waits for something that never comes.
    """
    with asyncio.Runner(loop_factory=lambda: SimLoop(seed)) as runner:  # type: ignore[abstract]  # no sockets in it
        return runner.run(main)
