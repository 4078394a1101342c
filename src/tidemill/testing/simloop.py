"""An event loop on virtual time: a simulated day of sleeping passes as fast as the work in it, the same way every time.

Whatever is ready runs; when nothing is, the time jumps to the next timer. There is no socket and no thread in it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from asyncio.events import _set_running_loop
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

from tidemill.model.errors import InvariantBroken

__all__ = ["SimLoop", "run_simulated"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_SECOND_NS = 1_000_000_000


def _nothing() -> None:
    """Stand where a cancelled callback stood."""


class _Step(asyncio.Handle):
    """A callback that is ready, or will be: what asyncio's own is, without its debug mode."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: Sequence[Any], loop: SimLoop, context: Context | None
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop, self._callback, self._args = loop, callback, args
        self._cancelled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        """Never run."""
        self._cancelled = True
        self._callback, self._args = _nothing, ()


class _Timer(asyncio.TimerHandle):
    """The same for a later instant; a cancelled one lies until its turn and never moves the time."""

    __slots__ = ()

    def __init__(
        self, when: float, callback: Callable[..., object], args: Sequence[Any], loop: SimLoop, context: Context | None
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop, self._callback, self._args = loop, callback, args
        self._cancelled = self._scheduled = False
        self._repr = self._source_traceback = None
        self._when = when

    def cancel(self) -> None:
        """Never run."""
        self._cancelled = True
        self._callback, self._args = _nothing, ()


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
        self._timers: list[tuple[int, int, _Timer]] = []
        self._count = 0
        self._is_stopping = self._is_running = self._is_closed = False

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self.now_ns / _SECOND_NS

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback at this instant, after what is running."""
        handle = _Step(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a virtual time; timers of one instant run in the order they were made."""
        timer = _Timer(when, callback, args, self, context)
        self._count += 1
        due = round(when * _SECOND_NS)
        heapq.heappush(self._timers, (max(due, self.now_ns), self._count, timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback after virtual seconds."""
        return self.call_at(self.now_ns / _SECOND_NS + delay, callback, *args, context=context)

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
        timers, batch = self._timers, self._ready
        while timers and timers[0][2]._cancelled:  # noqa: SLF001 - of our own class
            heapq.heappop(timers)
        if not batch:
            if not timers:
                raise InvariantBroken("The simulation is stuck: nothing is ready and no timer will ever wake it.")
            self.now_ns = timers[0][0]
        now = self.now_ns
        while timers and timers[0][0] <= now:
            batch.append(heapq.heappop(timers)[2])
        self._ready = []
        if self._chance is not None:
            self._chance.shuffle(batch)
        self.run_batch(batch)

    def run_batch(self, batch: list[asyncio.Handle]) -> None:
        """Run what is ready together."""
        for handle in batch:
            if not handle._cancelled:  # noqa: SLF001 - of our own class
                handle._run()  # noqa: SLF001 - what an event loop does with a handle

    def _run_until(self, is_over: Callable[[], bool]) -> None:
        self._is_stopping, self._is_running = False, True
        turn = self.turn
        _set_running_loop(self)
        try:
            while not (is_over() or self._is_stopping):
                turn()
        finally:
            self._is_running = False
            _set_running_loop(None)

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future or coroutine is done; return its result or raise its error."""
        task = asyncio.ensure_future(future, loop=self)
        self._run_until(task.done)
        return task.result()

    def run_forever(self) -> None:
        """Run until ``stop``."""
        self._run_until(lambda: False)

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
