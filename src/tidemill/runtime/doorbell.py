"""A bell between processes of one machine: it says "look now", carries nothing, and may be lost without harm.

Whoever waits looks at the database every few milliseconds anyway; the bell only saves it the rest of the wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from pathlib import Path
from types import TracebackType
from typing import Self

from tidemill.runtime.local_socket import find, listen

__all__ = ["Doorbell", "ring"]

_WORD = b"!"


class Doorbell:
    """Hears a bell; the newest listener of a place has it.

    Args:
        place: path of the bell in the data folder.

    Raises:
        OSError: the socket cannot be made.
    """

    def __init__(self, place: Path) -> None:
        self._socket = listen(place)
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def wait(self, seconds: float) -> bool:
        """Wait on the event loop for a ring, at most so long; tell whether there was one."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._socket.fileno(), self._heard)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        was_rung = self._rung.is_set()
        self._rung.clear()
        return was_rung

    def hear(self, seconds: float) -> bool:
        """Wait in a thread for a ring, at most so long; tell whether there was one."""
        with selectors.DefaultSelector() as selector:  # a bare select() refuses descriptors above 1023
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(seconds)) and self._drain()

    def _heard(self) -> None:
        if self._drain():
            self._rung.set()

    def _drain(self) -> bool:
        """Take every ring that waits: many are as good as one."""
        count = 0
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while self._socket.recv(len(_WORD)):
                count += 1
        return count > 0

    def close(self) -> None:
        """Stop listening; harmless when done twice."""
        if self._socket.fileno() < 0:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()


def ring(place: Path) -> bool:
    """Ring a bell from any thread or process without waiting; False: nobody heard it, which changes nothing."""
    try:
        line = find(place)
        with line.socket:
            line.send(_WORD)
    except (OSError, ValueError):
        return False
    return True
