"""Use case: somebody takes their orders, fills or activity elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, and_, or_, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.adapters.sql.tables import FILLS, ORDERS
from tidemill.model.people import UserScope
from tidemill.services.exporting.csv_text import csv_pages
from tidemill.services.instants import iso_utc

__all__ = ["EXPORTS", "Exports"]

_PAGE = 5_000
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class _Export:
    """One kind of file.

    Args:
        table: its rows. at: column of time. key: what tells rows of one instant apart.
        columns: name in the file, column of the table.
    """

    table: Table
    at: str
    key: tuple[str, ...]
    columns: Mapping[str, str]


_ORDER = [
    "client_id",
    "run_id",
    "broker_id",
    "symbol",
    "side",
    "type",
    "tif",
    "intent",
    "reason",
    "quantity",
    "filled",
    "average_price",
    "limit_price",
    "stop_price",
    "state",
    "text",
    "strategy",
]
_FILL = "client_id run_id exec_id symbol side quantity price kind strategy flags account broker".split()  # noqa: SIM905
EXPORTS: dict[str, _Export] = {
    "orders": _Export(
        ORDERS,
        "created_ns",
        ("client_id",),
        {"created_at": "created_ns", "updated_at": "updated_ns", **{name: name for name in _ORDER}},
    ),
    "fills": _Export(
        FILLS, "ts_ns", ("number",), {"time": "ts_ns", "fee": "fee_micros", **{name: name for name in _FILL}}
    ),
    "activity": _Export(
        READ_TABLES["activity_log"],
        "at_ns",
        ("run_id", "number"),
        {"time": "at_ns", "type": "kind", **{name: name for name in ("run_id", "strategy", "symbol", "text")}},
    ),
}


class Exports:
    """Writes files.

    Args:
        database: of the installation.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def text(self, scope: UserScope, name: str, limit: int) -> Iterator[str]:
        """Yield somebody's rows as CSV, newest first.

        Args:
            name: of ``EXPORTS``. limit: rows at most.

        Raises:
            StoreError: the database did not answer.
        """
        export = EXPORTS[name]
        return csv_pages(list(export.columns), self._pages(scope, export, limit))

    def _pages(self, scope: UserScope, export: _Export, limit: int) -> Iterator[list[list[Any]]]:
        table, keys = export.table, [export.table.c[name] for name in export.key]
        owned = select(RUN_OWNERS.c.run_id).where(RUN_OWNERS.c.user_id == scope.user_id)
        at = table.c[export.at]
        query = select(table).where(table.c.run_id.in_(owned)).order_by(at.desc(), *(key.desc() for key in keys))
        last: Mapping[Any, Any] | None = None
        while limit > 0:
            page = query if last is None else query.where(_before(export, last))
            rows = self._database.rows(page.limit(min(limit, _PAGE)))
            if not rows:
                return
            yield [_line(export, row) for row in rows]
            last, limit = rows[-1], limit - len(rows)


def _line(export: _Export, row: Mapping[Any, Any]) -> list[Any]:
    return [_cell(column, row[column]) for column in export.columns.values()]


def _cell(column: str, value: Any) -> Any:
    if column.endswith("_ns"):
        return iso_utc(value) if value else ""
    return value / _MICRO if column.endswith("_micros") else value


def _before(export: _Export, last: Mapping[Any, Any]) -> Any:
    """Return the condition for rows that come after one, newest first."""
    columns = [export.table.c[name] for name in (export.at, *export.key)]
    steps = []
    for place, column in enumerate(columns):
        same = [other == last[other.name] for other in columns[:place]]
        steps.append(and_(*same, column < last[column.name]))
    return or_(*steps)
