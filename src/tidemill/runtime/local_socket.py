"""Datagram sockets between processes of one machine: a path in the data folder, or a port whose number lies there.

Where a system has no sockets of that kind, or a path is too long for one, a loopback port does, and its number lies in
a file beside the path that only the owner may read.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Line", "find", "forget", "is_unix", "listen", "seems_heard"]

_LONGEST_PATH = 100  # bytes; sun_path holds 108 on Linux and 104 on macOS, see unix(7)
_HOST = "127.0.0.1"
_OWNER_ONLY = 0o600


def is_unix(place: Path) -> bool:
    """Tell whether a place is a socket of its own, not a port."""
    return hasattr(socket, "AF_UNIX") and len(os.fsencode(place)) <= _LONGEST_PATH


def _port_file(place: Path) -> Path:
    return place.with_name(place.name + ".port")


def listen(place: Path, password: bytes = b"") -> socket.socket:
    """Return a socket that hears what is sent to a place; the newest one has it.

    Args:
        password: written beside the number of a port, for those who may read the file.

    Raises:
        OSError: the socket cannot be made.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_unix(place):
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        place.unlink(missing_ok=True)
        heard.bind(str(place))
        place.chmod(_OWNER_ONLY)
    else:
        heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        heard.bind((_HOST, 0))
        file = _port_file(place)
        file.unlink(missing_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(handle, "wb") as written:
            written.write(b"%d %s" % (heard.getsockname()[1], password) if password else b"%d" % heard.getsockname()[1])
    heard.setblocking(False)
    return heard


@dataclass(frozen=True, slots=True)
class Line:
    """A way to a place.

    Args:
        socket: never waits. path: of a socket that has one. password: goes before every message to a port.
    """

    socket: socket.socket
    path: str = ""
    password: bytes = b""

    def send(self, message: bytes) -> None:
        """Send a message. Raises OSError: nobody is there any more, or BlockingIOError: too much waits."""
        if self.path:
            self.socket.sendto(message, self.path)
        else:
            self.socket.send(self.password + message)


def find(place: Path) -> Line:
    """Return a way to a place.

    Raises:
        OSError, ValueError: nobody has ever listened there.
    """
    if is_unix(place):
        line = Line(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), str(place))
    else:
        port, _, password = _port_file(place).read_bytes().partition(b" ")
        address = (_HOST, int(port))
        line = Line(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "", password)
        line.socket.connect(address)  # only so does a port whose listener is gone refuse
    line.socket.setblocking(False)
    return line


def seems_heard(place: Path) -> bool:
    """Tell whether somebody seems to listen at a place: one look at a file."""
    return place.exists() or _port_file(place).exists()


def forget(place: Path) -> None:
    """Take a place away, so that nobody goes on talking to it."""
    (place if is_unix(place) else _port_file(place)).unlink(missing_ok=True)
