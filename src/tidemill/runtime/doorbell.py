"""A bell between processes of one machine: it says "look now", carries nothing, and may be lost without harm.

Whoever waits looks at the database every few milliseconds anyway; the bell only saves it the rest of the wait. It is a
datagram socket in the data folder; where a system has none, or its path is too long for one, a loopback port whose
number lies in a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Doorbell", "ring"]

_LONGEST_PATH = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS, see unix(7)
_HOST = "127.0.0.1"
_WORD = b"!"
_OWNER_ONLY = 0o600


def _is_unix(place: Path) -> bool:
    return hasattr(socket, "AF_UNIX") and len(os.fsencode(place)) <= _LONGEST_PATH


def _port_file(place: Path) -> Path:
    return place.with_name(place.name + ".port")


class Doorbell:
    """Hears a bell; the newest listener of a place has it.

    Args:
        place: path of the bell in the data folder.

    Raises:
        OSError: the socket cannot be made.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._socket = self._bind()
        self._socket.setblocking(False)
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def _bind(self) -> socket.socket:
        self._place.parent.mkdir(parents=True, exist_ok=True)
        if _is_unix(self._place):
            bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._place.unlink(missing_ok=True)
            bell.bind(str(self._place))
            self._place.chmod(_OWNER_ONLY)
            return bell
        bell = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bell.bind((_HOST, 0))
        _port_file(self._place).write_text(str(bell.getsockname()[1]), encoding="ascii")
        return bell

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
        if _is_unix(place):
            family, address = socket.AF_UNIX, str(place)
            with socket.socket(family, socket.SOCK_DGRAM) as bell:
                bell.setblocking(False)
                bell.sendto(_WORD, address)
            return True
        port = int(_port_file(place).read_text(encoding="ascii"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(_WORD, (_HOST, port))
    except (OSError, ValueError):
        return False
    return True
