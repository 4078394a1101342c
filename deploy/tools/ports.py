"""Ends programs of Tidemill that still listen on ports: ``ports.py 9001 9012``; those of others are only named."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_LISTENING = "0A"


def inodes(ports: set[int]) -> dict[str, int]:
    """Return the sockets that listen on these ports, and their port."""
    found: dict[str, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        lines = Path(table).read_text(encoding="ascii").splitlines()[1:] if Path(table).exists() else []
        for line in lines:
            words = line.split()
            port = int(words[1].rpartition(":")[2], 16)
            if words[3] == _LISTENING and port in ports:
                found[words[9]] = port
    return found


def listeners(ports: set[int]) -> list[tuple[int, int, str]]:
    """Return process, port and command of whoever listens."""
    sockets, found = inodes(ports), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = {str(item.readlink()) for item in (process / "fd").iterdir()}
            command = command_of(int(process.name))
        except OSError:
            continue  # it has ended, or is somebody else's
        found += [(int(process.name), port, command) for inode, port in sockets.items() if f"socket:[{inode}]" in held]
    return found


def command_of(process: int) -> str:
    """Return how a program was called. Raises OSError: it has ended, or is somebody else's."""
    return (Path("/proc") / str(process) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def keeper_of(process: int) -> int:
    """Return who would start a program again: the `tidemill up` above it, else the program itself."""
    words = (Path("/proc") / str(process) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    parent = int(words[1])
    return parent if "tidemill up" in command_of(parent) else process


def main() -> int:
    """End what is ours; return 1 when a port stays taken."""
    others = 0
    for process, port, command in listeners({int(word) for word in sys.argv[1:]}):
        if "tidemill" in command:
            ended = keeper_of(process)
            os.kill(ended, signal.SIGTERM)
            sys.stdout.write(f"Port {port}: ended process {ended}.\n")
        else:
            others += 1
            sys.stdout.write(f"Port {port} belongs to process {process} ({command[:80]}), which is not ours.\n")
    return min(others, 1)


if __name__ == "__main__":
    sys.exit(main())
