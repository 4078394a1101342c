"""What the engine host is to do, as the table of runs says it, and how it writes back what became of each."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select, update

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import AGENT_VERSIONS, AGENTS, RUN_OWNERS

__all__ = ["Wanted", "read_over", "read_spec", "read_wanted", "write_status"]

_OVER = ("STOPPED", "COMPLETED", "ERROR")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run that is to be at work.

    Args:
        run_id, user_id, agent_id, version: which.
        wanted: RUN, PAUSE or STOP. status: as the host wrote it last.
    """

    run_id: str
    user_id: int
    agent_id: str
    version: int
    wanted: str
    status: str

    @property
    def account(self) -> str:
        """Return the account it trades on."""
        return f"paper:{self.run_id}"


def read_wanted(database: Database) -> Sequence[Wanted]:
    """Return every run that takes a place, oldest first. Raises StoreError."""
    names = ("run_id", "user_id", "agent_id", "agent_version", "wanted", "status")
    statement = (
        select(*(RUN_OWNERS.c[name] for name in names))
        .where(RUN_OWNERS.c.slot >= 0)
        .order_by(RUN_OWNERS.c.started_ns, RUN_OWNERS.c.run_id)
    )
    return [Wanted(*(row[name] for name in names)) for row in database.rows(statement)]


def read_over(database: Database, run_ids: Sequence[str]) -> Sequence[str]:
    """Return which of these runs are the service's and over. Raises StoreError."""
    statement = select(RUN_OWNERS.c.run_id).where(RUN_OWNERS.c.run_id.in_(run_ids), RUN_OWNERS.c.slot < 0)
    return [row["run_id"] for row in database.rows(statement.order_by(RUN_OWNERS.c.run_id))]


def read_spec(database: Database, wanted: Wanted) -> tuple[str, float]:
    """Return the text of a run's specification, and the speed of its feed. Raises StoreError."""
    statement = select(AGENT_VERSIONS.c.spec_json, AGENTS.c.face_json).join(
        AGENTS, and_(AGENTS.c.id == AGENT_VERSIONS.c.agent_id)
    )
    row = database.row(
        statement.where(AGENT_VERSIONS.c.agent_id == wanted.agent_id, AGENT_VERSIONS.c.version == wanted.version)
    )
    if row is None:
        return "", math.inf
    return row["spec_json"], float(json.loads(row["face_json"] or "{}").get("speed") or math.inf)


def write_status(database: Database, wanted: Wanted, status: str, now_ns: int, message: str = "") -> None:
    """Write down how a run stands; one that is over gives its place back. Raises StoreError."""
    is_over = status in _OVER
    values: dict[str, object] = {"status": status, "message": message[:1000], "updated_ns": now_ns}
    if is_over:
        values |= {"slot": -1, "ended_ns": now_ns}
    with database.write() as writing:
        writing.run(update(RUN_OWNERS).where(RUN_OWNERS.c.run_id == wanted.run_id).values(values))
        agent = update(AGENTS).where(AGENTS.c.id == wanted.agent_id, AGENTS.c.run_id == wanted.run_id)
        writing.run(agent.values(status=status, message=message[:1000], **({"is_active": 0} if is_over else {})))
