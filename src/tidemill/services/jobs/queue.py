"""The queue of jobs in the database: taken one at a time for each person, beating while at work, ended exactly once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, insert, select, update

from tidemill.adapters.sql.database import Database, Writing
from tidemill.adapters.sql.service_tables import JOBS, USERS
from tidemill.model.people import Tier
from tidemill.ports.seams import Clock
from tidemill.services.jobs.job import ACTIVE, Job, job_of
from tidemill.services.performance.records import add_record

__all__ = ["Queue", "lock_user"]

_LOST_NS = 15_000_000_000  # a job whose process has not been heard of for so long has none
_AGAIN = "Taken up again: the process that ran it is gone."
_TWICE = "The process that ran it is gone, a second time; look at the log of the service, then try again."


def lock_user(writing: Writing, user_id: int) -> str:
    """Let nobody else count what this person has until the transaction ends; return their tier."""
    row = writing.row(select(USERS.c.tier).where(USERS.c.id == user_id).with_for_update())
    return str(row["tier"]) if row is not None else str(Tier.FREE)


class Queue:
    """Jobs of everybody, for whoever works them off.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def take(self, owner: str) -> tuple[Job, Tier] | None:
        """Take the oldest job of somebody who has none at work; None when there is none to take.

        Args:
            owner: who takes it.
        """
        now = self._clock.now_ns()
        self._find_lost(now)
        if self._database.row(select(JOBS.c.id).where(JOBS.c.status == "QUEUED").limit(1)) is None:
            return None
        running = JOBS.alias()
        free = ~select(running.c.id).where(running.c.user_id == JOBS.c.user_id, running.c.status == "RUNNING").exists()
        next_one = select(JOBS).where(JOBS.c.status == "QUEUED", free).order_by(JOBS.c.created_ns, JOBS.c.id).limit(1)
        with self._database.write() as writing:
            row = writing.row(next_one)
            if row is None:
                return None
            tier = Tier(lock_user(writing, row["user_id"]))
            at_work = select(func.count().label("count")).where(
                JOBS.c.user_id == row["user_id"], JOBS.c.status == "RUNNING"
            )
            counted = writing.row(at_work)  # again, now that nobody else can take one of theirs
            if counted is None or counted["count"]:
                return None
            taken = update(JOBS).where(JOBS.c.id == row["id"], JOBS.c.status == "QUEUED")
            if not writing.run(taken.values(status="RUNNING", owner=owner, started_ns=now, beat_ns=now)):
                return None
        return job_of(row), tier

    def _find_lost(self, now: int) -> None:
        """Put jobs back whose process is gone; those that lost two fail."""
        lost = (JOBS.c.status == "RUNNING", JOBS.c.beat_ns < now - _LOST_NS)
        if self._database.row(select(JOBS.c.id).where(*lost).limit(1)) is None:
            return
        with self._database.write() as writing:
            twice = update(JOBS).where(*lost, JOBS.c.message == _AGAIN)
            writing.run(twice.values(status="FAILED", message=_TWICE, ended_ns=now))
            writing.run(update(JOBS).where(*lost).values(status="QUEUED", message=_AGAIN, owner="", progress_ratio=0.0))

    def beat(self, job: Job, owner: str, ratio: float) -> bool:
        """Say that a job is at work and how far; False: it is to be left."""
        mine = (JOBS.c.id == job.id, JOBS.c.owner == owner, JOBS.c.status == "RUNNING")
        with self._database.write() as writing:
            writing.run(update(JOBS).where(*mine).values(beat_ns=self._clock.now_ns(), progress_ratio=ratio))
            row = writing.row(select(JOBS.c.is_cancelled).where(*mine))
        return row is not None and not row["is_cancelled"]

    def put_back(self, job: Job, owner: str) -> None:
        """Give up a job that somebody else may begin anew; one that was cancelled ends."""
        mine = (JOBS.c.id == job.id, JOBS.c.owner == owner, JOBS.c.status == "RUNNING")
        with self._database.write() as writing:
            cancelled = update(JOBS).where(*mine, JOBS.c.is_cancelled == 1)
            writing.run(cancelled.values(status="CANCELLED", ended_ns=self._clock.now_ns()))
            writing.run(update(JOBS).where(*mine).values(status="QUEUED", owner="", progress_ratio=0.0))

    def end(
        self, job: Job, owner: str, status: str, message: str = "", content: Mapping[str, Any] | None = None
    ) -> None:
        """Write down how a job ended, and its record of performance in the same transaction.

        Args:
            status: ``DONE`` or ``FAILED``. message: why it failed.
            content: ``summary``, ``performance`` and ``bars`` of one that is done.
        """
        now, given = self._clock.now_ns(), content or {}
        values: dict[str, Any] = {"status": status, "message": message[:1000], "ended_ns": now}
        with self._database.write() as writing:
            mine = (JOBS.c.id == job.id, JOBS.c.owner == owner, JOBS.c.status == "RUNNING")
            if writing.row(select(JOBS.c.id).where(*mine).with_for_update()) is None:
                return  # somebody else has taken it up meanwhile
            if status == "DONE":
                record = {**given["performance"], "job_id": job.id, "user_id": job.user_id, "created_ns": now}
                values |= {
                    "performance_id": add_record(writing, record),
                    "result_json": json.dumps(given["summary"], allow_nan=False),
                    "bars": given["bars"],
                    "progress_ratio": 1.0,
                }
            writing.run(update(JOBS).where(*mine).values(values))

    def add(self, writing: Writing, values: Mapping[str, Any]) -> None:
        """Write a new job down, inside the transaction that counted those there are."""
        writing.run(insert(JOBS).values(values))

    def waiting(self) -> dict[str, int]:
        """Return how many jobs wait and how many are at work."""
        counted = select(JOBS.c.status, func.count().label("count")).where(JOBS.c.status.in_(ACTIVE))
        return {row["status"]: int(row["count"]) for row in self._database.rows(counted.group_by(JOBS.c.status))}
