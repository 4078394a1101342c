"""A process that is kept alive: where it stands, how often it died, and how patient its keeper is."""

from __future__ import annotations

import subprocess
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from tidemill.runtime.guard.heartbeat import Beat
from tidemill.services.engine_jobs import EngineJob
from tidemill.services.hosting.bells import API, HOST

__all__ = ["Child", "KeeperSettings", "State"]


@dataclass(frozen=True, slots=True)
class KeeperSettings:
    """How patient the keeper is.

    Args:
        restarts, window_s: so many deaths within so many seconds, and an engine stays down.
        hang_s: silence after which a living process is killed; the watchdog has acted by then.
        taken_s: how long another engine of the same account is waited for: one that a dead `up` left behind is ending.
        stop_s: how long a clean stop may take.
    """

    restarts: int = 3
    window_s: float = 600.0
    hang_s: float = 35.0
    stop_s: float = 15.0
    taken_s: float = 30.0


class State(StrEnum):
    """Where a process that is kept alive stands."""

    STARTING = "STARTING"
    READY = "READY"
    DONE = "DONE"
    DOWN = "DOWN"


@dataclass(slots=True)
class Child:
    """A process that is kept alive."""

    name: str
    command: list[str]
    job: EngineJob | None = None
    process: subprocess.Popen[bytes] | None = None
    state: State = State.STARTING
    deaths: deque[float] = field(default_factory=deque)
    beat: Beat | None = None
    heard: float = 0.0
    refused: float = 0.0  # since when another engine has held its account
    due: float = 0.0  # when it is started again

    @property
    def beats(self) -> bool:
        """Tell whether it says that it lives, and is killed when it does not."""
        return self.job is not None or self.name in {API, HOST}
