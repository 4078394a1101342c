"""A server that says once a second that its loop turns, so that whoever keeps it alive knows when it hangs."""

from __future__ import annotations

import contextlib
import os

import uvicorn

from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.heartbeat import Beat, beat_file, write_beat
from tidemill.services.builds import build_name
from tidemill.services.home import Home
from tidemill.services.hosting.bells import API

__all__ = ["BeatingServer"]

_TICKS = 10  # uvicorn looks up ten times a second


class BeatingServer(uvicorn.Server):
    """Uvicorn with a heartbeat.

    Args:
        config: as of uvicorn. home: whose folder of heartbeats is written.
    """

    def __init__(self, config: uvicorn.Config, home: Home) -> None:
        super().__init__(config)
        self._file, self._count, self._clock = beat_file(home.halts, API), 0, SystemClock()
        self._file.parent.mkdir(parents=True, exist_ok=True)

    async def on_tick(self, counter: int) -> bool:
        """Beat, then do as usual."""
        if counter % _TICKS == 0:
            self._count += 1
            with contextlib.suppress(OSError):  # a full disk ends no server
                beat = Beat(self._count, self._clock.now_ns(), "RUNNING", os.getpid(), build=build_name())
                write_beat(self._file, beat)
        return await super().on_tick(counter)
