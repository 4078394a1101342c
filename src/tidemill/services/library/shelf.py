"""A shelf of things people keep under names of their own and may share: added, found, listed, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Table, delete, func, insert, or_, select, update

from tidemill.adapters.sql.database import Database, Row
from tidemill.model.errors import AlreadyThere
from tidemill.model.people import UserScope
from tidemill.services.fleet.refusals import not_there
from tidemill.services.refusals import Kind, Refused

__all__ = ["Shelf", "said"]

Kept = TypeVar("Kept")


def said(wish: Any) -> dict[str, Any]:
    """Return the fields of a wish that say something; None says: as it is."""
    found = {field.name: getattr(wish, field.name) for field in fields(wish)}
    return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Shelf(Generic[Kept]):
    """What people keep in one table; each call sees what is one's own, and public things where it says so.

    Args:
        database: of the installation. table: with ``id``, ``user_id``, ``name``, ``is_active``, ``is_public``,
            ``created_ns`` and ``updated_ns``; a name is unique to its owner.
        noun, nouns: as sentences call one, and many. most: one person keeps. kept: makes it from its row.
    """

    database: Database
    table: Table
    noun: str
    nouns: str
    most: int
    kept: Callable[[Row], Kept]

    def add(self, scope: UserScope, name: str, columns: Mapping[str, Any]) -> int:
        """Keep something; return its number. Raises Refused: a name that is taken."""
        return self._write(name, insert(self.table).values({**columns, "user_id": scope.user_id}))

    def check_room(self, scope: UserScope) -> None:
        """Raise Refused where one keeps as many as one may."""
        counted = select(func.count().label("count")).where(self.table.c.user_id == scope.user_id)
        row = self.database.row(counted)
        if row is not None and row["count"] >= self.most:
            sentence = f"{self.most} {self.nouns} are the most one keeps; delete one first."
            raise Refused(Kind.CONFLICT, "too_many", sentence)

    def change(self, scope: UserScope, number: int, name: str, columns: Mapping[str, Any]) -> None:
        """Write new columns of one's own. Raises Refused: a name that is taken."""
        mine = update(self.table).where(self.table.c.id == number, self.table.c.user_id == scope.user_id)
        self._write(name, mine.values(dict(columns)))

    def _write(self, name: str, statement: Any) -> int:
        try:
            with self.database.write() as writing:
                return writing.insert(statement) if statement.is_insert else writing.run(statement)
        except AlreadyThere:
            sentence = f"You have a {self.noun} named {name[:80]!r} already; choose another name."
            raise Refused(Kind.CONFLICT, "name_taken", sentence, field="body.name") from None

    def get(self, scope: UserScope, number: int, *, is_own: bool = False) -> Kept:
        """Return one's own, or a public one unless it has to be one's own. Raises Refused: there is none."""
        columns = self.table.c
        mine = columns.user_id == scope.user_id
        who = mine if is_own else or_(mine, (columns.is_public == 1) & (columns.is_active == 1))
        row = self.database.row(select(self.table).where(columns.id == number, who))
        if row is None:
            raise not_there(self.noun, number)
        return self.kept(row)

    def mine(self, scope: UserScope, *conditions: ColumnElement[bool]) -> Sequence[Kept]:
        """Return one's own that meet conditions, newest first."""
        columns = self.table.c
        found = select(self.table).where(columns.user_id == scope.user_id, *conditions)
        rows = self.database.rows(found.order_by(columns.created_ns.desc(), columns.id.desc()).limit(self.most))
        return [self.kept(row) for row in rows]

    def public(self, limit: int, offset: int, *conditions: ColumnElement[bool]) -> Sequence[Kept]:
        """Return what people share and use, of what meets conditions, newest first."""
        columns = self.table.c
        shared = select(self.table).where(columns.is_public == 1, columns.is_active == 1, *conditions)
        newest = shared.order_by(columns.updated_ns.desc(), columns.id.desc())
        return [self.kept(row) for row in self.database.rows(newest.limit(limit).offset(offset))]

    def delete(self, scope: UserScope, number: int) -> None:
        """Delete one's own. Raises Refused: there is none."""
        with self.database.write() as writing:
            gone = writing.run(
                delete(self.table).where(self.table.c.id == number, self.table.c.user_id == scope.user_id)
            )
        if not gone:
            raise not_there(self.noun, number)
