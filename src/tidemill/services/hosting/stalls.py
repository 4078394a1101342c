"""A thread beside the loop of the host: when the loop stands still, it finds out whose strategy keeps it.

Every run shares one loop, so a strategy that never returns stops all of them. Its run is written down as failed, with
the line it hangs on, and the process ends at once: whoever keeps it alive starts it again, without that run. Nothing
is lost by it, for the record of every run stands on the disk.

What holds the interpreter itself, as a compiled loop does, holds this thread too; then the process is killed from
outside and nobody is named.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from sqlalchemy import update

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.tables import RUNS
from tidemill.model.errors import StoreError
from tidemill.ports.seams import Clock
from tidemill.services.engine_jobs import stack_file
from tidemill.services.home import Home
from tidemill.services.hosting.hosted import Hosted
from tidemill.services.hosting.wanted import write_status
from tidemill.services.logs import Log

__all__ = ["STALL_EXIT", "STALL_S", "StallWatch", "strategy_frame"]

STALL_S = 20.0  # without a turn of the loop; below the patience of whoever kills a silent process
STALL_EXIT = 75  # EX_TEMPFAIL of sysexits.h: started again, it works
_LOOK_S = 0.25
_OWN = str(Path(__file__).resolve().parents[2])
_PLACES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def _frames(innermost: FrameType | None) -> Iterator[FrameType]:
    while innermost is not None:
        yield innermost
        innermost = innermost.f_back


def strategy_frame(innermost: FrameType | None) -> FrameType | None:
    """Return the innermost frame of code that is neither ours nor a library's, None when there is none."""
    for frame in _frames(innermost):
        name = frame.f_code.co_filename
        if name.endswith(".py") and not name.startswith((_OWN, *_PLACES)):
            return frame
    return None


class StallWatch:
    """Watches the loop of the thread that enters it.

    Args:
        home: where data lie. runs: those hosted now, by id. clock, log: of the host.
        patience_s: how long the loop may stand still. leave: ends the process.
    """

    def __init__(
        self,
        home: Home,
        runs: Mapping[str, Hosted],
        clock: Clock,
        log: Log,
        *,
        patience_s: float = STALL_S,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._home, self._runs, self._clock, self._log = home, runs, clock, log
        self._patience_s, self._leave = patience_s, leave
        self._heard = time.monotonic()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="stalls", daemon=True)

    def __enter__(self) -> Self:
        self._watched, self._heard = threading.get_ident(), time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def beat(self) -> None:
        """Say that the loop turns."""
        self._heard = time.monotonic()

    def _serve(self) -> None:
        told = 0.0
        while not self._ending.wait(_LOOK_S):
            if time.monotonic() - self._heard < self._patience_s or told == self._heard:
                continue
            told = self._heard
            self._look(sys._current_frames().get(self._watched))  # noqa: SLF001 - the documented way to a thread's frame

    def _look(self, innermost: FrameType | None) -> None:
        """Name what keeps the loop, and end it if it is a strategy."""
        stack = "".join(traceback.format_stack(innermost)) if innermost is not None else ""
        self._log.error("stalled", seconds=self._patience_s, stack=stack)
        guilty = strategy_frame(innermost)
        hosted = self._run_of(innermost)
        if guilty is None or hosted is None:
            return
        place = f"{Path(guilty.f_code.co_filename).name} line {guilty.f_lineno} ({guilty.f_code.co_name})"
        message = (
            f"The strategy kept the engine, and every other run, for {self._patience_s:g} s in {place}; this run was "
            "ended. Mend the strategy, then start it again."
        )
        try:
            self._condemn(hosted, message, stack)
        except (StoreError, OSError) as error:
            self._log.error("not_condemned", run=hosted.wanted.run_id, error=str(error))
        self._leave(STALL_EXIT)

    def _run_of(self, innermost: FrameType | None) -> Hosted | None:
        """Return the run whose turn it is: its loop stands on the stack."""
        for frame in _frames(innermost):
            owner = frame.f_locals.get("self")
            for hosted in list(self._runs.values()):
                if owner is not None and hosted.live is not None and owner is hosted.live.run:
                    return hosted
        return None

    def _condemn(self, hosted: Hosted, message: str, stack: str) -> None:
        """Write down that a run has failed, so that no host takes it up again; its owner is told by that."""
        now, run_id = self._clock.now_ns(), hosted.wanted.run_id
        file = stack_file(self._home, run_id)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(stack, encoding="utf-8")
        database = Database(self._home.url)
        write_status(database, hosted.wanted, "ERROR", now, message)
        with database.write() as writing:
            values = {"state": "ERROR", "message": message, "ended_ns": now}
            writing.run(update(RUNS).where(RUNS.c.run_id == run_id).values(values))
        self._log.error("condemned", run=run_id, message=message)
        database.release()
