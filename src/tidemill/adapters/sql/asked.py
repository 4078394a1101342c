"""Questions that are asked all the time: compiled once for each database, then plain text for its driver.

Building and running a statement of SQLAlchemy's costs ten times what SQLite needs to answer it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select

from tidemill.adapters.sql.statements import compiled

__all__ = ["Question"]


class Question:
    """One query, its values named.

    Args:
        statement: built once; what differs from time to time is a ``bindparam``. Its values and columns are texts,
            whole numbers, floats and bytes, which every driver takes as they are.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self.columns = tuple(str(name) for name in statement.selected_columns.keys())  # noqa: SIM118 - no dict
        self._texts: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def text(self, database: str) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """Return its text for a kind of database, the names of its placeholders in order, and its own values."""
        found = self._texts.get(database)
        if found is None:
            found = self._texts[database] = compiled(self._statement, database)
        return found
