"""Where the disk is waited for: a thread of its own in life, at once in simulations and fast replays."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

__all__ = ["InlineWriter", "ThreadWriter", "Writer"]

T = TypeVar("T")


class Writer(Protocol):
    """Runs the store's calls one after the other, never two at once."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do one piece of work and return what it returns or raise what it raises."""

    def soon(self, work: Callable[[], object]) -> None:
        """Do one piece of work before the next ``run``; its failure is raised there."""

    def close(self) -> None:
        """Finish what was asked and stop."""


class InlineWriter:
    """Does the work where it is asked for."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do it now."""
        return work()

    def soon(self, work: Callable[[], object]) -> None:
        """Do it now."""
        work()

    def close(self) -> None:
        """Nothing is left."""


class ThreadWriter:
    """One thread that owns the store's connection; the loop never waits for a disk."""

    def __init__(self, name: str = "tidemill-writer") -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any] | None] | None] = queue.SimpleQueue()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            work, future = item
            result: Any = None
            failure = self._failed
            if failure is None:
                try:
                    result = work()
                except BaseException as error:  # noqa: BLE001 - it is raised again where the work was asked for
                    failure = error
            if future is None:
                self._failed = failure
                continue
            self._failed = None
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                future.get_loop().call_soon_threadsafe(_settle, future, result, failure)

    async def run(self, work: Callable[[], T]) -> T:
        """Do it on the thread, after everything asked before; a failure of earlier ``soon`` work is raised here."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._work.put((work, future))
        return await future

    def soon(self, work: Callable[[], object]) -> None:
        """Do it on the thread without being waited for."""
        self._work.put((work, None))

    def close(self) -> None:
        """Finish what was asked and stop the thread."""
        self._work.put(None)
        self._thread.join()


def _settle(future: asyncio.Future[Any], result: object, failure: BaseException | None) -> None:
    if future.cancelled():
        return
    if failure is not None:
        future.set_exception(failure)
    else:
        future.set_result(result)
