"""One job as its row tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tidemill.adapters.sql.database import Row

__all__ = ["ACTIVE", "Job", "job_of"]

ACTIVE = ("QUEUED", "RUNNING")


@dataclass(frozen=True, slots=True)
class Job:
    """One job.

    Args:
        id, user_id, kind: which, whose, of what.
        status: QUEUED, RUNNING, DONE, FAILED or CANCELLED. message: why it stands so.
        body, body_hash: what is asked for. progress: 0 to 1. is_cancelled: its owner wants it to end.
        performance_id: record of its performance, 0: none. bars: it took.
        created_ns, started_ns, ended_ns: UTC, 0: not yet.
        result_text: summary as JSON, empty: none.
    """

    id: str
    user_id: int
    kind: str
    status: str
    message: str
    body: str
    body_hash: str
    progress: float
    is_cancelled: bool
    performance_id: int
    bars: int
    created_ns: int
    started_ns: int
    ended_ns: int
    result_text: str

    @property
    def is_over(self) -> bool:
        """Tell whether it has ended."""
        return self.status not in ACTIVE

    @property
    def summary(self) -> dict[str, Any]:
        """Return its figures; empty before it is done."""
        found: dict[str, Any] = json.loads(self.result_text or "{}")
        return found

    @property
    def asked(self) -> dict[str, Any]:
        """Return what was asked for."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def job_of(row: Row) -> Job:
    """Return a job of its row."""
    return Job(
        row["id"],
        row["user_id"],
        row["kind"],
        row["status"],
        row["message"],
        row["body_json"],
        row["body_hash"],
        row["progress_ratio"],
        bool(row["is_cancelled"]),
        row["performance_id"],
        row["bars"],
        row["created_ns"],
        row["started_ns"],
        row["ended_ns"],
        row["result_json"],
    )
