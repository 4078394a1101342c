"""Newest values from the engine's process to whoever listens on the same machine; what is lost is said again.

A datagram socket in the data folder, as the doorbell's, but with words. Nobody listens: nothing is sent and nothing
costs anything. Where a system has no such socket, or its path is too long for one, a loopback port whose number and
password lie in a file that only the owner may read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["LONGEST", "Ear", "Loudspeaker"]

LONGEST = 60_000  # bytes of one message: below the 65,507 that UDP takes, RFC 768
_LONGEST_PATH = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS, see unix(7)
_HOST = "127.0.0.1"
_OWNER_ONLY = 0o600
_ROOM = 1 << 20  # bytes that may wait in the system before the oldest listener loses some


def _is_unix(place: Path) -> bool:
    return hasattr(socket, "AF_UNIX") and len(os.fsencode(place)) <= _LONGEST_PATH


def _port_file(place: Path) -> Path:
    return place.with_name(place.name + ".port")


class Ear:
    """Hears what loudspeakers say; the newest ear of a place has it.

    Args:
        place: path in the data folder.

    Raises:
        OSError: the socket cannot be made.
    """

    def __init__(self, place: Path) -> None:
        self._place, self._password = place, b""
        place.parent.mkdir(parents=True, exist_ok=True)
        self._socket = self._bind()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)

    def _bind(self) -> socket.socket:
        if _is_unix(self._place):
            ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._place.unlink(missing_ok=True)
            ear.bind(str(self._place))
            self._place.chmod(_OWNER_ONLY)
            return ear
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ear.bind((_HOST, 0))
        self._password = secrets.token_hex(16).encode()
        file = _port_file(self._place)
        file.unlink(missing_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(handle, "wb") as written:
            written.write(b"%d %s" % (ear.getsockname()[1], self._password))
        return ear

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
                (self._place if not self._password else _port_file(self._place)).unlink(missing_ok=True)


class Loudspeaker:
    """Says things to whoever listens at a place.

    Args:
        place: path in the data folder.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._socket: socket.socket | None = None
        self._to: str | tuple[str, int] = ""
        self._password = b""

    def is_heard(self) -> bool:
        """Tell whether somebody seems to listen: one look at a file."""
        return self._place.exists() or _port_file(self._place).exists()

    def say(self, message: bytes) -> bool:
        """Say something without waiting; False: nobody heard it.

        Args:
            message: at most ``LONGEST`` bytes.
        """
        try:
            if self._socket is None:
                self._open()
            if self._socket is None:
                return False
            self._socket.sendto(self._password + message, self._to)
        except BlockingIOError:  # the listener is slow; it hears the next one
            return False
        except (OSError, ValueError):  # nobody there, or somebody new: found anew at the next word
            self.close()
            return False
        return True

    def _open(self) -> None:
        if _is_unix(self._place):
            self._socket, self._to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), str(self._place)
        else:
            port, _, password = _port_file(self._place).read_bytes().partition(b" ")
            self._socket, self._to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (_HOST, int(port))
            self._password = password
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
