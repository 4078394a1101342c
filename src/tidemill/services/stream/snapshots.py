"""What somebody sees who begins to watch: what is open, and the newest of what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Table, or_, select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.service_tables import AUDIT_LOG, NOTIFICATIONS, RUN_OWNERS
from tidemill.adapters.sql.tables import ALERTS, FILLS, ORDERS
from tidemill.services.stream.orders import ENDED
from tidemill.services.stream.reader import Reader
from tidemill.services.stream.rows import (
    activity_row,
    alert_row,
    audit_row,
    fill_row,
    notification_row,
    order_row,
    run_row,
    signal_row,
)
from tidemill.services.stream.topics import Topic

__all__ = ["Snapshots"]

_NEWEST = 100  # rows of a topic

Rows = list[dict[str, Any]]


class Snapshots:
    """Reads snapshots on the reader's thread, right after it has looked: nothing lies between.

    Args:
        database: of the installation. reader: has told everything up to now.
    """

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database, self._reader = database, reader

    def owns(self, user_id: int, runs: Sequence[str]) -> bool:
        """Tell whether all of these runs are somebody's own."""
        query = select(RUN_OWNERS.c.run_id).where(RUN_OWNERS.c.run_id.in_(runs), RUN_OWNERS.c.user_id == user_id)
        return len(self._database.rows(query)) == len(set(runs))

    def read(self, user_id: int, topic: Topic, runs: Sequence[str]) -> Rows:
        """Return the rows of an event topic, oldest first.

        Args:
            runs: of these only, which are theirs; empty: of all of theirs that are at work.
        """
        wanted, reader = list(runs) or self._reader.runs.of(user_id), self._reader
        mine, last = NOTIFICATIONS.c.user_id == user_id, NOTIFICATIONS.c.id <= reader.notifications.last
        known_lines = (AUDIT_LOG.c.id <= reader.audit.last,)
        known_fills = FILLS.c.number <= reader.fills.last
        lines = READ_TABLES["activity_log"]
        ways: dict[Topic, Callable[[], Rows]] = {
            Topic.RUNS: lambda: self._runs(user_id, runs),
            Topic.HALTS: lambda: reader.halts_of(user_id),
            Topic.ORDERS: lambda: self._orders(wanted),
            Topic.FILLS: lambda: self._newest(FILLS, wanted, "number", fill_row, known_fills),
            Topic.SIGNALS: lambda: self._newest(READ_TABLES["signals"], wanted, "at_ns", signal_row),
            Topic.ACTIVITY: lambda: self._newest(lines, wanted, "at_ns", activity_row, reader.told(lines)),
            Topic.ALERTS: lambda: self._newest(ALERTS, wanted, "at_ns", alert_row),
            Topic.NOTIFICATIONS: lambda: self._read(
                NOTIFICATIONS, (mine, last), NOTIFICATIONS.c.id.desc(), notification_row
            ),
            Topic.AUDIT: lambda: self._read(AUDIT_LOG, known_lines, AUDIT_LOG.c.id.desc(), audit_row),
        }
        return ways[topic]()

    def _runs(self, user_id: int, runs: Sequence[str]) -> Rows:
        where = [RUN_OWNERS.c.user_id == user_id]
        where += [RUN_OWNERS.c.run_id.in_(runs)] if runs else []
        return self._read(RUN_OWNERS, where, RUN_OWNERS.c.started_ns.desc(), run_row)

    def _orders(self, runs: Sequence[str]) -> Rows:
        if not runs:
            return []
        is_theirs = ORDERS.c.run_id.in_(runs)
        newest = select(ORDERS.c.client_id).where(is_theirs).order_by(ORDERS.c.created_ns.desc()).limit(_NEWEST)
        shown = or_(ORDERS.c.client_id.in_(newest), ORDERS.c.state.not_in(sorted(ENDED)))
        query = select(ORDERS).where(is_theirs, shown).order_by(ORDERS.c.created_ns, ORDERS.c.client_id)
        return [order_row(row) for row in self._database.rows(query)]

    def _newest(
        self, table: Table, runs: Sequence[str], order: str, shape: Callable[[Row], dict[str, Any]], *where: Any
    ) -> Rows:
        return self._read(table, (table.c.run_id.in_(runs), *where), table.c[order].desc(), shape) if runs else []

    def _read(self, table: Table, where: Sequence[Any], order: Any, shape: Callable[[Row], dict[str, Any]]) -> Rows:
        keys = [column.desc() for column in table.primary_key.columns]
        rows = self._database.rows(select(table).where(*where).order_by(order, *keys).limit(_NEWEST))
        return [shape(row) for row in reversed(rows)]
