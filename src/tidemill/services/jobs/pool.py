"""Works jobs off in a few processes: each has a thread that watches it, and outlives its death."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from tidemill.model.errors import StoreError
from tidemill.ports.seams import Ids
from tidemill.services.access.tiers import limits_of
from tidemill.services.home import Home
from tidemill.services.jobs.job import Job
from tidemill.services.jobs.limits import WorkLimits, bars_within, limits_for, machine_memory, workers_within
from tidemill.services.jobs.queue import Queue
from tidemill.services.jobs.work import MEMORY_HOLDS, TIER_ALLOWS, Task
from tidemill.services.jobs.worker import Ended, Worker
from tidemill.services.logs import Log

__all__ = ["Pool", "job_folder", "usual_workers"]

_LOOK_S = 5.0  # between two looks for jobs that nobody announced: of other processes, or lost ones
_BEAT_S = 0.5
_IDLE_S = 300.0  # a worker that had nothing to do for so long gives its memory back
_MOST_WORKERS = 2


def usual_workers() -> int:
    """Return how many workers a machine gets: one for every two processors, one or two, as its memory carries."""
    return workers_within(min(_MOST_WORKERS, max(1, (os.cpu_count() or 1) // 2)), machine_memory())


def job_folder(home: Home, job_id: str) -> Path:
    """Return where the files of a job lie."""
    return home.folder / "jobs" / job_id


class Pool:
    """Processes that work the queue off; nothing runs before somebody wakes it.

    Args:
        home, queue, ids: of the installation. log: of the process.
        workers: processes. limits: of each job.
    """

    def __init__(
        self, home: Home, queue: Queue, ids: Ids, log: Log, *, workers: int = 0, limits: WorkLimits | None = None
    ) -> None:
        self._home, self._queue, self._log = home, queue, log
        self._owner = ids.fresh("pool-")
        self._count = workers or usual_workers()
        self.limits = limits or limits_for(self._count, machine_memory())
        self._threads: list[threading.Thread] = []
        self._workers: list[Worker] = []
        self._bell = threading.Condition()
        self._rings = 0
        self._is_closing = False

    def wake(self) -> None:
        """Say that there may be a job; the first time, start watching."""
        with self._bell:
            self._rings += 1
            self._bell.notify_all()
            if self._threads or self._is_closing:
                return
            for number in range(self._count):
                worker = Worker(self.limits)
                name = f"{self._owner}-{number}"
                thread = threading.Thread(target=self._serve, args=(worker, name), name=name, daemon=True)
                self._workers.append(worker)
                self._threads.append(thread)
                thread.start()

    @property
    def pids(self) -> list[int]:
        """Return the processes that live."""
        return [worker.pid for worker in self._workers if worker.pid]

    @property
    def size(self) -> int:
        """Return how many jobs may be at work at once."""
        return self._count

    def close(self) -> None:
        """Put back what is at work, and end every process."""
        with self._bell:
            self._is_closing = True
            self._bell.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._workers.clear()

    def _serve(self, worker: Worker, owner: str) -> None:
        busy = time.monotonic()
        while not self._is_closing:
            rings = self._rings
            try:
                taken = self._queue.take(owner)
                if taken is not None:
                    job, tier = taken
                    self._run(worker, owner, job, limits_of(tier).backtest_bars)
                    busy = time.monotonic()
                    continue
            except StoreError as error:
                self._log.error("jobs", error=str(error))
            if time.monotonic() - busy > _IDLE_S:
                worker.end()
            with self._bell:
                if self._rings == rings and not self._is_closing:
                    self._bell.wait(_LOOK_S)
        worker.end()

    def _run(self, worker: Worker, owner: str, job: Job, most_bars: int) -> None:
        beaten = time.monotonic()

        def look(ratio: float) -> bool:
            nonlocal beaten
            if self._is_closing:
                return False
            if time.monotonic() - beaten < _BEAT_S:
                return True
            beaten = time.monotonic()
            return self._queue.beat(job, owner, ratio)

        fits = bars_within(self.limits)
        bound = TIER_ALLOWS if most_bars <= fits else MEMORY_HOLDS
        task = Task(self._home, job.body, job_folder(self._home, job.id), min(most_bars, fits), bound)
        try:
            ended = worker.run(task, look)
        except StoreError:
            worker.end()  # whoever finds the job without a beat takes it up again
            raise
        self._log("job", job=job.id, state=ended.state, message=ended.message)
        self._write(job, owner, ended)

    def _write(self, job: Job, owner: str, ended: Ended) -> None:
        if ended.state == "LEFT":
            self._queue.put_back(job, owner)
        else:
            self._queue.end(job, owner, ended.state, ended.message, ended.content)
