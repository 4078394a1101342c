"""The log of what happened to somebody's runs: activity, alerts and limits that were hit, newest first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import String, Table, and_, cast, false, literal, or_, select, true

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.adapters.sql.tables import ALERTS, VIOLATIONS
from tidemill.model.people import UserScope
from tidemill.services.refusals import Kind, Refused

__all__ = ["Event", "Events", "EventsWish", "Severity", "Source"]

Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
Source = Literal["violation", "alert", "activity"]
_SOURCES: tuple[Source, ...] = get_args(Source)  # as rows of one instant are ordered, the last one first
_ALERT: dict[int, Severity] = {1: "CRITICAL", 2: "WARNING", 3: "INFO"}
_TROUBLED = frozenset({"REFUSED", "REJECTED", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Args:
        cursor: shows what came before it. source: of ``Source``. kind: its type, stable. severity: of ``Severity``.
        at_ns: when, UTC. text: one sentence. run_id, strategy, symbol: what it is about, empty: more than one.
        data: facts for programs.
    """

    cursor: str
    source: Source
    kind: str
    severity: Severity
    at_ns: int
    text: str
    run_id: str
    strategy: str = ""
    symbol: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventsWish:
    """Which events somebody wants.

    Args:
        limit: how many at most. cursor: only those before this one; empty: from the newest on.
        kind, severity, source, run_id: only of these, empty: all.
    """

    limit: int = 100
    cursor: str = ""
    kind: str = ""
    severity: Severity | None = None
    source: Source | None = None
    run_id: str = ""


class Events:
    """Reads the log.

    Args:
        database: of the installation.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, scope: UserScope, wish: EventsWish) -> list[Event]:
        """Return events of somebody's runs, newest first. Raises Refused: the cursor is none of ours."""
        before = _before(wish.cursor)
        found: list[tuple[tuple[int, int, str], Event]] = []
        for source in _SOURCES if wish.source is None else (wish.source,):
            found += self._of(source, scope, wish, before)
        found.sort(key=lambda item: item[0], reverse=True)
        return [event for _, event in found[: wish.limit]]

    def _of(
        self, source: Source, scope: UserScope, wish: EventsWish, before: tuple[int, int, str] | None
    ) -> list[tuple[tuple[int, int, str], Event]]:
        table, kind = _TABLES[source]
        rank, key = _SOURCES.index(source), _key_of(table)
        owned = select(RUN_OWNERS.c.run_id).where(RUN_OWNERS.c.user_id == scope.user_id)
        where = [table.c.run_id.in_(owned), *([table.c.run_id == wish.run_id] if wish.run_id else [])]
        where += [table.c[kind] == wish.kind] if wish.kind else []
        where += [_of_severity(source, wish.severity)] if wish.severity else []
        if before is not None:
            at_ns, other, name = before
            same = key < name if rank == other else true() if rank < other else false()
            where.append(or_(table.c.at_ns < at_ns, and_(table.c.at_ns == at_ns, same)))
        query = select(table, key.label("_key")).where(*where).order_by(table.c.at_ns.desc(), key.desc())
        rows = self._database.rows(query.limit(wish.limit))
        return [((row["at_ns"], rank, row["_key"]), _event(source, rank, row)) for row in rows]


_TABLES: dict[Source, tuple[Table, str]] = {
    "violation": (VIOLATIONS, "rule"),
    "alert": (ALERTS, "kind"),
    "activity": (READ_TABLES["activity_log"], "kind"),
}


def _key_of(table: Table) -> Any:
    """Return what tells rows of one instant apart, in an order of its own."""
    if "key" in table.c:
        return table.c.key
    return table.c.run_id + literal("/") + cast(table.c.number, String)


def _of_severity(source: Source, severity: Severity) -> Any:
    if source == "violation":
        return VIOLATIONS.c.severity == severity
    if source == "alert":
        return ALERTS.c.severity.in_([number for number, name in _ALERT.items() if name == severity])
    kind = READ_TABLES["activity_log"].c.kind
    return {"INFO": kind.not_in(_TROUBLED), "WARNING": kind.in_(_TROUBLED)}.get(severity, false())


def _event(source: Source, rank: int, row: Mapping[Any, Any]) -> Event:
    cursor = f"{row['at_ns']}.{rank}.{row['_key']}"
    at_ns, text, run_id = row["at_ns"], row["text"] or "", row["run_id"]
    if source == "violation":
        facts = {"scope": row["scope"], "resolved_ns": row["resolved_ns"], "resolved_by": row["resolved_by"]}
        return Event(cursor, source, row["rule"], row["severity"], at_ns, text, run_id, data=facts)
    if source == "alert":
        return Event(cursor, source, row["kind"], _ALERT.get(row["severity"], "INFO"), at_ns, text, run_id)
    severity: Severity = "WARNING" if row["kind"] in _TROUBLED else "INFO"
    data = json.loads(row["data_json"] or "{}")
    return Event(
        cursor,
        source,
        row["kind"] or "",
        severity,
        at_ns,
        text,
        run_id,
        row["strategy"] or "",
        row["symbol"] or "",
        data,
    )


def _before(cursor: str) -> tuple[int, int, str] | None:
    if not cursor:
        return None
    at_ns, _, rest = cursor.partition(".")
    rank, _, key = rest.partition(".")
    is_ours = at_ns.isascii() and at_ns.isdigit() and len(at_ns) < 20 and rank in {"0", "1", "2"} and "\x00" not in key
    if not is_ours or int(at_ns) >= 1 << 63:
        raise Refused(
            Kind.INVALID, "bad_cursor", "Take the cursor of an earlier answer as it is.", field="query.cursor"
        )
    return int(at_ns), int(rank), key
