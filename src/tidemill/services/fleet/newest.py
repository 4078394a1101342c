"""The newest rows of many runs: each run is asked for its own, the one with the newest first, until nobody has newer.

A run's rows lie in order of time in an index; those of several runs together do not, and sorting a million of them for
a page of a hundred takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, select

from tidemill.adapters.sql.asked import Question
from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.services.fleet.runs import OwnedRun

__all__ = ["newest_rows"]

_DEEP = 2_000  # a page that begins further down is sorted for


def newest_rows(
    database: Database,
    table: Table,
    runs: Sequence[OwnedRun],
    order: str,
    limit: int,
    offset: int = 0,
    *where: ColumnElement[bool],
) -> Sequence[Row]:
    """Return rows of runs of one person, newest first; rows of one instant by key, from high to low.

    Args:
        table: with a column ``run_id``. order: its column of time, which an index holds for each run.
        where: what else is asked of rows.
    """
    if len(runs) <= 1 or offset + limit > _DEEP:
        return _asked(database, table, [run.run_id for run in runs], order, limit, offset, where) if runs else []
    names = {run.run_id for run in runs}
    newest = [row for row in database.ask(_newest(table, order), user_id=runs[0].user_id) if row["run_id"] in names]
    wanted, keys = offset + limit, [order, *(column.name for column in table.primary_key.columns)]
    found: list[Row] = []
    for head in sorted((row for row in newest if row["newest"] is not None), key=lambda row: -row["newest"]):
        if len(found) == wanted and head["newest"] < found[-1][order]:
            break
        found += _asked(database, table, [head["run_id"]], order, wanted, 0, where)
        found.sort(key=lambda row: tuple(row[key] for key in keys), reverse=True)
        del found[wanted:]
    return found[offset:]


def _asked(
    database: Database,
    table: Table,
    names: Sequence[str],
    order: str,
    limit: int,
    offset: int,
    where: Sequence[ColumnElement[bool]],
) -> Sequence[Row]:
    if len(names) == 1 and not where:
        return database.ask(_page(table, order), run_id=names[0], most=limit, skipped=offset)
    statement = _ordered(select(table).where(table.c.run_id.in_(names), *where), table, order)
    return database.rows(statement.limit(limit).offset(offset))


def _ordered(statement: Select[Any], table: Table, order: str) -> Select[Any]:
    return statement.order_by(table.c[order].desc(), *(column.desc() for column in table.primary_key.columns))


@cache
def _page(table: Table, order: str) -> Question:
    own = select(table).where(table.c.run_id == bindparam("run_id"))
    return Question(_ordered(own, table, order).limit(bindparam("most")).offset(bindparam("skipped")))


@cache
def _newest(table: Table, order: str) -> Question:
    """Return the question for the newest instant of each of somebody's runs: one look into the index each."""
    newest = select(func.max(table.c[order])).where(table.c.run_id == RUN_OWNERS.c.run_id).scalar_subquery()
    own = RUN_OWNERS.c.user_id == bindparam("user_id")
    return Question(select(RUN_OWNERS.c.run_id, newest.label("newest")).where(own))
