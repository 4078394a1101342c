"""One worker process seen from outside: given a task, listened to, and ended when it does not end by itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from tidemill.services.jobs.limits import WorkLimits
from tidemill.services.jobs.work import Task, work

__all__ = ["Ended", "Worker"]

_LOOK_S = 0.1
_CONTEXT = get_context("spawn")  # a fork of a process with threads may inherit a lock nobody opens


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended.

    Args:
        state: ``DONE``, ``FAILED``, or ``LEFT``: it was told to leave it. message: why it failed.
        content: what it gave.
    """

    state: str
    message: str = ""
    content: dict[str, Any] = field(default_factory=dict)


class Worker:
    """A process that works off one task after another; a new one takes the place of one that died.

    Args:
        limits: of each task.
    """

    def __init__(self, limits: WorkLimits) -> None:
        self._limits = limits
        self._process: BaseProcess | None = None
        self._line: Connection | None = None

    @property
    def pid(self) -> int:
        """Return the process, 0 without one."""
        return (self._process.pid or 0) if self._process is not None else 0

    def run(self, task: Task, look: Callable[[float], bool]) -> Ended:
        """Have a task done.

        Args:
            look: asked several times a second with the progress, 0 to 1; False: leave it.
        """
        line, until, ratio = self._ready(), time.monotonic() + self._limits.wall_s, 0.0
        try:
            line.send(task)
            while True:
                if line.poll(_LOOK_S):
                    kind, content = line.recv()
                    if kind != "progress":
                        done = kind == "done"
                        return Ended("DONE", content=content) if done else Ended("FAILED", str(content))
                    ratio = float(content)
                if not look(ratio):
                    self.end()
                    return Ended("LEFT")
                if time.monotonic() > until:
                    self.end()
                    return Ended("FAILED", f"It took longer than {self._limits.wall_s:g} s; take fewer bars.")
        except (EOFError, OSError):
            return Ended("FAILED", self._autopsy())

    def _ready(self) -> Connection:
        if self._process is not None and self._process.is_alive() and self._line is not None:
            return self._line
        self.end()
        self._line, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=work, args=(theirs, self._limits), name="backtests", daemon=True)
        self._process.start()
        theirs.close()  # else its death would not be heard here
        return self._line

    def _autopsy(self) -> str:
        """Say why the process died."""
        code = 0
        if self._process is not None:
            self._process.join(1.0)
            code = self._process.exitcode or 0
        self.end()
        if code == -getattr(signal, "SIGXCPU", 0):
            return f"It took more than {self._limits.cpu_s} s of processor time; take fewer bars."
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"The process that ran it died ({how}); the service goes on. Try again, with fewer bars if it recurs."

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._line is not None:
            self._line.close()
        self._process, self._line = None, None
