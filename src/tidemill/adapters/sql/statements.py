"""The SQL texts: built by SQLAlchemy Core for each database once, then reused as plain text.

Executing a Core statement costs several times what SQLite itself needs for it; on the order path the texts therefore
go straight to the driver's cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, delete, desc, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import Dialect

from tidemill.adapters.sql.tables import OUTBOX
from tidemill.model.errors import InvariantBroken

__all__ = ["OnConflict", "compiled", "delete_sql", "insert_sql", "select_sql", "text_of"]

OnConflict = Literal["refuse", "keep", "replace"]

_DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
}
_PENDING: ColumnElement[str] = literal_column("'PENDING'")


def compiled(statement: Any, database: str) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """Return a Core statement's text, the names of its placeholders in their order, and the values it has itself."""
    found = statement.compile(dialect=_DIALECTS[database])
    return str(found), tuple(found.positiontup or ()), dict(found.params)


def text_of(statement: Any, database: str, names: Sequence[str]) -> str:
    """Return a Core statement's text, whose placeholders take the values of ``names`` in that order."""
    text, order, _ = compiled(statement, database)
    if order != tuple(names):
        raise InvariantBroken(f"A statement takes {list(order)} and is given {list(names)}.")
    return text


@cache
def insert_sql(database: str, table: Table, names: tuple[str, ...], key: tuple[str, ...], conflict: OnConflict) -> str:
    """Return the insert of one row, its values in order of ``names``; a known ``key`` is refused, kept or replaced."""
    make = sqlite.insert if database == "sqlite" else postgresql.insert
    statement: Any = make(table).values({name: bindparam(name) for name in names}).inline()
    if conflict == "keep":
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    elif conflict == "replace":
        new = statement.excluded
        # A request that is on its way or over never waits again: it would be sent twice.
        never_back = (new.state != _PENDING) | (table.c.state == _PENDING) if table is OUTBOX else None
        statement = statement.on_conflict_do_update(
            index_elements=list(key), set_={name: new[name] for name in names if name not in key}, where=never_back
        )
    return text_of(statement, database, names)


@cache
def select_sql(
    database: str,
    table: Table,
    names: tuple[str, ...],
    *,
    where: tuple[str, ...] = (),
    order: tuple[str, ...] = (),
    limit: int = 0,
) -> str:
    """Return a query.

    Args:
        where: columns that equal a value; ``column>`` is above one, ``column*3`` is one of three.
        order: columns, ``-column`` from high to low.
    """
    statement = select(*(table.c[name] for name in names))
    values: list[str] = []
    for at, condition in enumerate(where):
        name, _, many = condition.partition("*")
        binds: list[BindParameter[Any]] = [bindparam(f"v{at}_{i}") for i in range(int(many or "1"))]
        values += [bind.key for bind in binds]
        column = table.c[name.removesuffix(">")]
        if many:
            statement = statement.where(column.in_(binds))
        else:
            statement = statement.where(column > binds[0] if name.endswith(">") else column == binds[0])
    statement = statement.order_by(*(desc(table.c[name[1:]]) if name[0] == "-" else table.c[name] for name in order))
    if limit:
        statement = statement.limit(literal_column(str(limit))).offset(literal_column("0"))
    return text_of(statement, database, values)


@cache
def delete_sql(database: str, table: Table, *names: str) -> str:
    """Return the deletion of all rows whose columns equal the values of ``names``."""
    statement = delete(table).where(*(table.c[name] == bindparam(name) for name in names))
    return text_of(statement, database, names)
