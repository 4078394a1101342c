"""How much one job may take of the machine, and how a worker holds itself to it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource

__all__ = ["WorkLimits", "allow_cpu", "bars_within", "limit_memory", "limits_for", "machine_memory", "workers_within"]

_NICE = 10  # runs that trade come first
_SHARE = 0.75  # of the machine's memory for all workers together; the rest is for what trades and for the database
_MOST_BYTES = 6 << 30
_LEAST_BYTES = 2 << 30  # a worker with less could not work off an everyday backtest beside its own libraries
_BASE_BYTES = 1 << 30  # interpreter and libraries; measured: 0.6 GB without the readers of data sets
_BAR_BYTES = 400  # a bar with its place in tables, result and report; measured: 367
_LEAST_BARS = 100_000
_CGROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may use (cgroup v2)


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What one job may take.

    Args:
        wall_s: seconds on the clock. cpu_s: seconds of processor time, all threads together.
        memory_bytes: address space of the worker, interpreter and libraries included.
    """

    wall_s: float = 300.0
    cpu_s: int = 600
    memory_bytes: int = _MOST_BYTES


def machine_memory() -> int:
    """Return the memory of this machine, or of the container it is, in bytes; 0: not known."""
    if sys.platform == "win32":
        return 0
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        text = _CGROUP.read_text(encoding="ascii").strip()
    except OSError:
        return whole
    return min(whole, int(text)) if text.isdigit() else whole


def workers_within(wanted: int, memory_bytes: int) -> int:
    """Return how many workers a machine's memory carries, one at least.

    Args:
        wanted: by its processors. memory_bytes: of the machine; 0: not known.
    """
    if memory_bytes <= 0:
        return wanted
    return max(1, min(wanted, int(memory_bytes * _SHARE) // _LEAST_BYTES))


def limits_for(workers: int, memory_bytes: int) -> WorkLimits:
    """Return what one job may take so that all workers together stay within the machine's memory.

    Args:
        workers: jobs at once. memory_bytes: of the machine; 0: not known.
    """
    if memory_bytes <= 0:
        return WorkLimits()
    return WorkLimits(memory_bytes=min(_MOST_BYTES, int(memory_bytes * _SHARE) // workers))


def bars_within(limits: WorkLimits) -> int:
    """Return how many bars of all symbols together a job's memory holds."""
    return max(_LEAST_BARS, (limits.memory_bytes - _BASE_BYTES) // _BAR_BYTES)


def limit_memory(limits: WorkLimits) -> None:
    """Bound this process's address space and let others go first; without effect where the system has no limits."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.nice(_NICE)


def allow_cpu(limits: WorkLimits) -> None:
    """Let this process use so many seconds of processor time from now on; the system ends it after that."""
    if sys.platform != "win32":
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = int(used.ru_utime + used.ru_stime) + 1 + limits.cpu_s
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
