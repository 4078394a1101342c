"""Names of engine processes on a lease: no two are alike, and of one on this machine it can be told that it died."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from tidemill.ports.seams import Ids
from tidemill.ports.store import ENGINE

__all__ = ["is_dead", "is_process", "process_name"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # proc(5): another one after each start of the machine
_SPACE = Path("/proc/self/ns/pid")  # pid_namespaces(7): process ids of other containers are not ours
_STARTED = 19  # field 22 of proc(5)'s stat, counted from the state on


def _place() -> str:
    """Return what names the machine's present start and the space its process ids are counted in; empty: not known."""
    try:
        return f"{_BOOT.read_text().strip()[:8]}.{os.stat(_SPACE).st_ino}"  # noqa: PTH116 - follows the link
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process began, in ticks since the machine's start; empty: there is none of that id."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[_STARTED]


def process_name(ids: Ids) -> str:
    """Return this process's name: host, process id, a word nobody used before, and what proves its death."""
    pid = os.getpid()
    place = _place()
    began = _started(pid) if place else ""
    return f"{ENGINE}{platform.node()}:{pid}:{ids.fresh('')}:{place}:{began}"


def is_process(owner: str) -> bool:
    """Tell whether a lease's owner is an engine's process."""
    return owner.startswith(ENGINE)


def is_dead(owner: str) -> bool:
    """Tell whether an owner is a process of this machine that has ended for certain; in doubt it lives."""
    if not is_process(owner):
        return False
    parts = owner.removeprefix(ENGINE).rsplit(":", 4)
    if len(parts) != 5 or not parts[3] or parts[3] != _place() or not parts[1].isdigit():
        return False
    return _started(int(parts[1])) != parts[4]
