"""Use case: limits that were hit, listed by severity and marked as dealt with by a named person."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, update

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.adapters.sql.tables import VIOLATIONS
from tidemill.model.journal import ViolationRow
from tidemill.model.people import Principal, UserScope
from tidemill.ports.seams import Clock
from tidemill.runtime.guard.send_guard import resolve
from tidemill.services.access.audit import record
from tidemill.services.fleet.refusals import not_there
from tidemill.services.refusals import Kind, Refused

__all__ = ["Violations", "ViolationsWish", "id_of"]

_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class ViolationsWish:
    """Which violations somebody wants.

    Args:
        limit: how many at most. cursor: id of the last one seen; empty: from the newest on.
        severity, run_id: only of these, empty: all. resolved: None: both kinds.
    """

    limit: int = 100
    cursor: str = ""
    severity: str = ""
    run_id: str = ""
    resolved: bool | None = None


def id_of(key: str) -> str:
    """Return the name of a violation as it stands in a path."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _key_of(name: str) -> str:
    """Return the key behind a name, empty when it is none of ours."""
    try:
        return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode() if len(name) <= _LONGEST else ""
    except (binascii.Error, ValueError):
        return ""


class Violations:
    """Limits that were hit in somebody's runs.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def page(self, scope: UserScope, wish: ViolationsWish) -> list[ViolationRow]:
        """Return violations, newest first. Raises Refused: the cursor is none of theirs."""
        table = VIOLATIONS
        where: list[ColumnElement[bool]] = [table.c.run_id.in_(_owned(scope))]
        where += [table.c.severity == wish.severity] if wish.severity else []
        where += [table.c.run_id == wish.run_id] if wish.run_id else []
        if wish.resolved is not None:
            where.append(table.c.resolved_ns != 0 if wish.resolved else table.c.resolved_ns == 0)
        if wish.cursor:
            last = self._find(scope, wish.cursor)
            if last is None:
                sentence = "Take the cursor of an earlier answer as it is."
                raise Refused(Kind.INVALID, "bad_cursor", sentence, field="query.cursor")
            same = and_(table.c.at_ns == last.at_ns, table.c.key < last.key)
            where.append(or_(table.c.at_ns < last.at_ns, same))
        query = select(table).where(*where).order_by(table.c.at_ns.desc(), table.c.key.desc()).limit(wish.limit)
        return [ViolationRow(**row) for row in self._database.rows(query)]

    def get(self, scope: UserScope, name: str) -> ViolationRow:
        """Return one violation. Raises Refused: there is none of that name, or it is another's."""
        found = self._find(scope, name)
        if found is None:
            raise not_there("violation", name)
        return found

    def resolve(self, principal: Principal, name: str, note: str = "") -> ViolationRow:
        """Mark a violation as dealt with; the first name stays. A halt it led to stands until it is lifted.

        Args:
            note: what was done about it, for the audit log.

        Raises:
            Refused: there is none of that name, or it is another's.
        """
        found = self.get(principal.scope, name)
        done = resolve(found, principal.username, self._clock.now_ns())
        table = VIOLATIONS
        with self._database.write() as writing:
            is_first = writing.run(
                update(table)
                .where(table.c.key == found.key, table.c.resolved_ns == 0)
                .values(resolved_ns=done.resolved_ns, resolved_by=done.resolved_by)
            )
        if is_first:
            record(self._database, principal, "violation.resolve", found.key, {"note": note} if note else None)
        return self.get(principal.scope, name)

    def _find(self, scope: UserScope, name: str) -> ViolationRow | None:
        key = _key_of(name)
        if not key or "\x00" in key:
            return None
        row = self._database.row(
            select(VIOLATIONS).where(VIOLATIONS.c.key == key, VIOLATIONS.c.run_id.in_(_owned(scope)))
        )
        return ViolationRow(**row) if row is not None else None


def _owned(scope: UserScope) -> Select[Any]:
    return select(RUN_OWNERS.c.run_id).where(RUN_OWNERS.c.user_id == scope.user_id)
