"""Which orders stand otherwise than at the last look: those at work, those that are new, those just filled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import and_, func, or_, select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.tables import ORDERS
from tidemill.model.bars import MINUTE_NS
from tidemill.services.stream.rows import order_row
from tidemill.services.stream.topics import Found, Topic

__all__ = ["ENDED", "OrderChanges"]

ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED", "ABSENT"})
_BACK_NS = MINUTE_NS  # rows of orders may be written somewhat out of the order in which they were decided


class OrderChanges:
    """Follows the orders of watched runs; one that has ended is looked at again when something of it is filled.

    Args:
        database: of the installation.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Row] = {}
        self._since: dict[str, int] = {}  # run to when its newest order was decided
        self._hints: dict[str, None] = {}

    def hint(self, client_ids: Iterable[str]) -> None:
        """Say that something happened to orders."""
        self._hints.update(dict.fromkeys(client_id for client_id in client_ids if client_id))

    def look(self, owners: Mapping[str, int], begun: frozenset[str]) -> list[Found]:
        """Return the orders of runs that changed, oldest change first.

        Args:
            owners: runs, and whose they are. begun: of these, those all of whose orders are news.
        """
        for gone in [run_id for run_id in self._since if run_id not in owners]:
            del self._since[gone]
        old = [run_id for run_id in owners if run_id not in self._since and run_id not in begun]
        if old:
            self._begin(old)
        for run_id in owners:
            self._since.setdefault(run_id, 0)
        rows = self._read(owners)
        changed = [row for row in rows if dict(self._known.get(row["client_id"], {})) != dict(row)]
        self._known.update((row["client_id"], row) for row in rows)
        self._hints.clear()
        self._forget(owners)
        changed.sort(key=lambda row: (row["updated_ns"], row["created_ns"], row["client_id"]))
        return [
            Found(Topic.ORDERS, row["client_id"], order_row(row), owners[row["run_id"]], row["run_id"])
            for row in changed
        ]

    def _begin(self, runs: list[str]) -> None:
        """Take the orders that are there as told."""
        newest = select(ORDERS.c.run_id, func.max(ORDERS.c.created_ns).label("at")).where(ORDERS.c.run_id.in_(runs))
        for row in self._database.rows(newest.group_by(ORDERS.c.run_id)):
            self._since[row["run_id"]] = row["at"]
        live = select(ORDERS).where(ORDERS.c.run_id.in_(runs), ORDERS.c.state.not_in(sorted(ENDED)))
        self._known.update((row["client_id"], row) for row in self._database.rows(live))
        recent = [self._recent(run_id) for run_id in runs if run_id in self._since]
        if recent:
            rows = self._database.rows(select(ORDERS).where(or_(*recent)))
            self._known.update((row["client_id"], row) for row in rows)

    def _recent(self, run_id: str) -> Any:
        return and_(ORDERS.c.run_id == run_id, ORDERS.c.created_ns >= self._since[run_id] - _BACK_NS)

    def _read(self, owners: Mapping[str, int]) -> list[Row]:
        at_work = [key for key, row in self._known.items() if row["state"] not in ENDED]
        names = sorted({*at_work, *self._hints})
        where = [self._recent(run_id) for run_id in owners]
        rows = self._database.rows(select(ORDERS).where(or_(*where))) if where else []
        read = {row["client_id"] for row in rows}
        rest = [name for name in names if name not in read]
        found = list(rows) + list(
            self._database.rows(select(ORDERS).where(ORDERS.c.client_id.in_(rest))) if rest else []
        )
        found = [row for row in found if row["run_id"] in owners]
        for row in found:
            self._since[row["run_id"]] = max(self._since[row["run_id"]], row["created_ns"])
        return found

    def _forget(self, owners: Mapping[str, int]) -> None:
        for key in [key for key, row in self._known.items() if self._is_over(row, owners)]:
            del self._known[key]

    def _is_over(self, row: Row, owners: Mapping[str, int]) -> bool:
        """Tell whether nothing new of an order is to be looked for."""
        run_id = row["run_id"]
        return run_id not in owners or (
            row["state"] in ENDED and row["created_ns"] < self._since[run_id] - 2 * _BACK_NS
        )
