"""Which tables this build knows: a number that every migration raises, and a fingerprint that tells builds apart."""

from __future__ import annotations

import hashlib
from functools import cache

from sqlalchemy import CheckConstraint, Table

from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.service_tables import USERS
from tidemill.adapters.sql.tables import METADATA
from tidemill.adapters.sql.views import VIEWS, view_sql

__all__ = ["SCHEMA", "table_names", "table_shape"]

SCHEMA = "0004"  # newest revision in migrations/versions


def _lines(table: Table) -> list[str]:
    columns = [
        f"{column.name} {column.type.__visit_name__} {'not null' if not column.nullable else ''}"
        for column in table.columns
    ]
    indexes = [
        f"{index.name} {'unique ' if index.unique else ''}{' '.join(column.name for column in index.columns)}"
        for index in table.indexes
    ]
    checks = [str(item.sqltext) for item in table.constraints if isinstance(item, CheckConstraint)]
    key = " ".join(column.name for column in table.primary_key.columns)
    return [table.name, key, *columns, *sorted(indexes), *sorted(checks)]


@cache
def table_shape() -> str:
    """Return the fingerprint of all tables, independent of database and library version."""
    lines = [line for name in table_names() for line in _lines(METADATA.tables[name])]
    lines += [view_sql(name, "sqlite") for name in VIEWS]
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()


def table_names() -> list[str]:
    """Return the names of all tables: journal, read tables and the service's."""
    return sorted({*METADATA.tables, *READ_TABLES, USERS.name})
