"""Which runs are watched, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_, select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.ports.seams import Clock
from tidemill.services.stream.rows import run_row
from tidemill.services.stream.topics import Found, Topic

__all__ = ["OwnedRuns"]

_LINGER = 20  # looks for which a run that is over is still looked at: its last rows came before its last word
_JUST_NS = (
    1_000_000_000  # runs that began within so long are looked at even if they are over; less than lingering takes
)


class OwnedRuns:
    """Follows the runs of those who watch.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._rows: dict[str, Row] = {}
        self._over: dict[str, int] = {}
        self.users: frozenset[int] = frozenset()
        self.begun: frozenset[str] = frozenset()  # runs that began since the last look: all of their lines are new

    @property
    def owners(self) -> dict[str, int]:
        """Return whose each watched run is."""
        return {run_id: row["user_id"] for run_id, row in self._rows.items()}

    def of(self, user_id: int) -> list[str]:
        """Return the watched runs of somebody."""
        return [run_id for run_id, row in self._rows.items() if row["user_id"] == user_id]

    def look(self, users: Iterable[int]) -> list[Found]:
        """Look at the runs of some people; return those that stand otherwise than at the last look."""
        wanted, known = frozenset(users), self.users
        for run_id in [run_id for run_id, row in self._rows.items() if row["user_id"] not in wanted]:
            del self._rows[run_id]
            self._over.pop(run_id, None)
        self.users = wanted
        just_ns = self._clock.now_ns() - _JUST_NS
        is_theirs = RUN_OWNERS.c.user_id.in_(sorted(wanted))
        rows = self._read(is_theirs, or_(RUN_OWNERS.c.slot >= 0, RUN_OWNERS.c.started_ns > just_ns))
        read = {row["run_id"] for row in rows}
        left = [run_id for run_id in self._rows if run_id not in read and run_id not in self._over]
        rows += self._read(RUN_OWNERS.c.run_id.in_(left)) if left else []
        told = [row for row in rows if row["user_id"] in known and dict(self._rows.get(row["run_id"], {})) != dict(row)]
        self.begun = frozenset(row["run_id"] for row in told if row["run_id"] not in self._rows)
        for row in rows:
            self._take(row)
        self._forget()
        return [Found(Topic.RUNS, row["run_id"], run_row(row), row["user_id"], row["run_id"]) for row in told]

    def _read(self, *where: Any) -> list[Row]:
        return list(self._database.rows(select(RUN_OWNERS).where(*where).order_by(RUN_OWNERS.c.started_ns)))

    def _take(self, row: Row) -> None:
        """Keep a run as it stands."""
        run_id = row["run_id"]
        is_news = run_id not in self._rows or self._rows[run_id]["slot"] >= 0
        self._rows[run_id] = row
        if row["slot"] >= 0:
            self._over.pop(run_id, None)
        elif is_news:
            self._over[run_id] = _LINGER

    def _forget(self) -> None:
        for run_id in list(self._over):
            self._over[run_id] -= 1
            if self._over[run_id] <= 0:
                del self._over[run_id], self._rows[run_id]
