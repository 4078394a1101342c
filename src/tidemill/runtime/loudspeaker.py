"""Newest values from the engine's process to whoever listens on the same machine; what is lost is said again.

A datagram socket in the data folder, as the doorbell's, but with words. Nobody listens: nothing is sent and nothing
costs anything. Where a system has no such socket, or its path is too long for one, a loopback port whose number and
password lie in a file that only the owner may read.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tidemill.runtime.local_socket import Line, find, forget, is_unix, listen, seems_heard

__all__ = ["LONGEST", "Ear", "Loudspeaker"]

LONGEST = 60_000  # bytes of one message: below the 65,507 that UDP takes, RFC 768
_ROOM = 1 << 20  # bytes that may wait in the system before the oldest listener loses some


class Ear:
    """Hears what loudspeakers say; the newest ear of a place has it.

    Args:
        place: path in the data folder.

    Raises:
        OSError: the socket cannot be made.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._password = b"" if is_unix(place) else secrets.token_hex(16).encode()
        self._socket = listen(place, self._password)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def number(self) -> int:
        """Return the file descriptor, for an event loop to watch."""
        return self._socket.fileno()

    def heard(self) -> Iterator[bytes]:
        """Return every message that waits; never blocks."""
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while True:
                message = self._socket.recv(LONGEST + len(self._password))
                if message.startswith(self._password):
                    yield message[len(self._password) :]

    def close(self) -> None:
        """Stop listening, so that nobody goes on talking; harmless when done twice."""
        if self._socket.fileno() >= 0:
            self._socket.close()
            with contextlib.suppress(OSError):
                forget(self._place)


class Loudspeaker:
    """Says things to whoever listens at a place.

    Args:
        place: path in the data folder.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._line: Line | None = None

    def is_heard(self) -> bool:
        """Tell whether somebody seems to listen: one look at a file."""
        return seems_heard(self._place)

    def say(self, message: bytes) -> bool:
        """Say something without waiting; False: nobody heard it.

        Args:
            message: at most ``LONGEST`` bytes.
        """
        try:
            if self._line is None:
                self._line = find(self._place)
                self._line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
            self._line.send(message)
        except BlockingIOError:  # the listener is slow; it hears the next one
            return False
        except (OSError, ValueError):  # nobody there, or somebody new: found anew at the next word
            self.close()
            return False
        return True

    def close(self) -> None:
        """Let go of the socket."""
        if self._line is not None:
            self._line.socket.close()
            self._line = None
