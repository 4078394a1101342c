"""How much one job may take of the machine, and how a worker holds itself to it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

if sys.platform != "win32":
    import resource

__all__ = ["WorkLimits", "allow_cpu", "limit_memory"]

_NICE = 10  # runs that trade come first


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What one job may take.

    Args:
        wall_s: seconds on the clock. cpu_s: seconds of processor time, all threads together.
        memory_bytes: address space of the worker, interpreter and libraries included.
    """

    wall_s: float = 300.0
    cpu_s: int = 600
    memory_bytes: int = 6 << 30


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
