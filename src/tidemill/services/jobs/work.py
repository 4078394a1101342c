"""What a worker process does: take a backtest, run it through the one engine, write its files, hand back figures."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tidemill.model.errors import TidemillError
from tidemill.research.backtest import run_backtest
from tidemill.services.backtests import prepare_job, settle_run
from tidemill.services.home import Home
from tidemill.services.jobs.asked import Asked, request_of_asked
from tidemill.services.jobs.limits import WorkLimits, allow_cpu, limit_memory
from tidemill.services.jobs.outcome import performance_of, summary_of
from tidemill.services.refusals import Kind, Refused

__all__ = ["MEMORY_HOLDS", "REPORT", "RESULT", "TIER_ALLOWS", "Task", "run_task", "work"]

RESULT, REPORT = "result.json", "report.html"
_TELL_S = 0.2  # between two words about progress
TIER_ALLOWS = "the tier allows"
MEMORY_HOLDS = "the memory of this machine holds"


@dataclass(frozen=True, slots=True)
class Task:
    """One job as a worker gets it.

    Args:
        home: of the installation, for its data sets. body: of the job. folder: where its files go.
        most_bars: bars of all symbols together that it may take. bound: what sets that: the tier or the memory.
    """

    home: Home
    body: str
    folder: Path
    most_bars: int
    bound: str = TIER_ALLOWS


def work(line: Connection, limits: WorkLimits) -> None:
    """Work off tasks until nobody sends any; every word on the line is a pair of kind and content.

    What is wrong with a task is told as a sentence. A defect ends the process, which its owner notices.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it
    limit_memory(limits)
    while True:
        try:
            task = line.recv()
        except EOFError:
            return
        allow_cpu(limits)
        try:
            line.send(("done", run_task(task, _teller(line))))
        except TidemillError as error:
            line.send(("failed", str(error)))
        except MemoryError:
            line.send(("failed", f"It needs more than {limits.memory_bytes >> 20:,} MiB of memory; take fewer bars."))


def _teller(line: Connection) -> Callable[[float], None]:
    """Return what tells how far a task is, now and then."""
    told = time.monotonic()

    def tell(ratio: float) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_S:
            told = time.monotonic()
            line.send(("progress", ratio))

    return tell


def run_task(task: Task, tell: Callable[[float], None]) -> dict[str, Any]:
    """Run one backtest; return its summary, its record of performance, and how many bars it took.

    Args:
        tell: is told how much of the data was walked through, 0 to 1.

    Raises:
        Refused: it takes more bars than allowed. TidemillError: it cannot be run.
    """
    asked = Asked.read(task.body)
    request = request_of_asked(task.home, asked)
    request.progress = lambda done, rows: tell(done / rows if rows else 1.0)
    job = prepare_job(request)
    bars = sum(map(len, job.bars))
    if bars > task.most_bars:
        sentence = f"These are {bars:,} bars, and {task.bound} {task.most_bars:,}; take fewer days or symbols."
        raise Refused(Kind.INVALID, "over_quota", sentence, details={"bars": bars, "maximum": task.most_bars})
    record, engine = run_backtest(job)
    result = settle_run(request, job, record, engine)
    task.folder.mkdir(parents=True, exist_ok=True)
    result.to_json(task.folder / RESULT)
    result.report(task.folder / REPORT)
    return {"summary": summary_of(asked, result, bars), "performance": performance_of(asked, result), "bars": bars}
