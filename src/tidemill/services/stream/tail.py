"""The end of a table whose rows are numbered and never change."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Table, func, select

from tidemill.adapters.sql.database import Database, Row

__all__ = ["Tail"]

_MOST = 2_000
_BACK = 256  # numbers that PostgreSQL may have given to transactions that end later


class Tail:
    """Returns what was written since the last time, in order.

    SQLite has one writer, so its numbers appear in order. PostgreSQL has many: there the last numbers are read again.

    Args:
        database: of the installation. table, number: which rows, and what counts them.
    """

    def __init__(self, database: Database, table: Table, number: Column[Any]) -> None:
        self._database, self._table, self._number = database, table, number
        self._back = 0 if database.kind == "sqlite" else _BACK
        self._seen: deque[int] = deque(maxlen=2 * _BACK)
        self.last = -1
        self.has_more = False

    def new(self) -> Sequence[Row]:
        """Return the rows since the last call; the first one returns none."""
        if self.last < 0:
            self.begin()
            return []
        query = select(self._table).where(self._number > self.last - self._back).order_by(self._number)
        rows = self._database.rows(query.limit(_MOST + self._back))
        self.has_more = len(rows) >= _MOST
        if self._back:
            seen = frozenset(self._seen)
            rows = [row for row in rows if row[self._number.name] not in seen]
            self._seen.extend(row[self._number.name] for row in rows)
        if rows:
            self.last = max(self.last, rows[-1][self._number.name])
        return rows

    def begin(self) -> None:
        """Take what is there as told."""
        row = self._database.row(select(func.max(self._number).label("last")))
        self.last = int(row["last"] or 0) if row is not None else 0
        if self._back:
            query = select(self._number).where(self._number > self.last - self._back)
            self._seen.extend(row[self._number.name] for row in self._database.rows(query))
