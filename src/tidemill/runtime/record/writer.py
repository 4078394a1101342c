"""Where the disk is waited for: a thread of its own in life, at once in simulations and fast replays."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from tidemill.model.errors import StoreBusy

__all__ = ["InlineWriter", "ThreadWriter", "Writer"]

T = TypeVar("T")
_Item = tuple[Callable[[], Any], "asyncio.Future[Any] | None", bool]
_AGAIN_S = 0.2


class Writer(Protocol):
    """Runs the store's calls one after the other, never two at once."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do one piece of work and return what it returns or raise what it raises."""

    async def surely(self, work: Callable[[], T]) -> T:
        """Do one piece of work as ``run`` does, again and again while the database is busy; what follows waits."""

    def soon(self, work: Callable[[], object]) -> None:
        """Do one piece of work before the next ``run``; its failure is raised there."""

    def close(self) -> None:
        """Finish what was asked and stop."""


class InlineWriter:
    """Does the work where it is asked for; nobody waits for a busy database: a fast replay begins again."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do it now."""
        return work()

    async def surely(self, work: Callable[[], T]) -> T:
        """Do it now."""
        return await self.run(work)

    def soon(self, work: Callable[[], object]) -> None:
        """Do it now."""
        work()

    def close(self) -> None:
        """Nothing is left."""


class ThreadWriter:
    """One thread that owns the store's connection; the loop never waits for a disk."""

    def __init__(self, name: str = "tidemill-writer") -> None:
        self._work: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            work, future, is_patient = item
            result: Any = None
            failure = self._failed
            if failure is None:
                try:
                    result = self._insist(work) if is_patient else work()
                except BaseException as error:  # noqa: BLE001 - it is raised again where the work was asked for
                    failure = error
            if future is None:
                self._failed = failure
                continue
            self._failed = None
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                future.get_loop().call_soon_threadsafe(_settle, future, result, failure)

    def _insist(self, work: Callable[[], Any]) -> Any:
        """Do it until the database is no longer busy, or the writer is closed."""
        while True:
            try:
                return work()
            except StoreBusy:
                if self._closing.wait(_AGAIN_S):
                    raise

    async def run(self, work: Callable[[], T]) -> T:
        """Do it on the thread, after everything asked before; a failure of earlier ``soon`` work is raised here."""
        return await self._ask(work, is_patient=False)

    async def surely(self, work: Callable[[], T]) -> T:
        """Do it as ``run`` does, and while the database is busy again: the thread waits, and so does what follows."""
        return await self._ask(work, is_patient=True)

    async def _ask(self, work: Callable[[], T], *, is_patient: bool) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._work.put((work, future, is_patient))
        return await future

    def soon(self, work: Callable[[], object]) -> None:
        """Do it on the thread without being waited for."""
        self._work.put((work, None, False))

    def close(self) -> None:
        """Finish what was asked and stop the thread."""
        self._closing.set()
        self._work.put(None)
        self._thread.join()


def _settle(future: asyncio.Future[Any], result: object, failure: BaseException | None) -> None:
    if future.cancelled():
        return
    if failure is not None:
        future.set_exception(failure)
    else:
        future.set_result(result)
