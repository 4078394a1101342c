"""The record of what people did: append-only, each row carrying the hash of the one before, so no row can be changed.

Signing in, arming, limits, halts, keys, promotions and corrections are written here. What is deleted at the end of the
chain is noticed too: the last hash is kept apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.adapters.sql.database import Database, Row, Writing
from tidemill.adapters.sql.service_tables import AUDIT_LOG
from tidemill.adapters.sql.tables import META
from tidemill.model.errors import AlreadyThere, TapeBroken
from tidemill.model.people import Principal
from tidemill.runtime.clock import SystemClock
from tidemill.services.logs import redact

__all__ = ["TIER_REFUSED", "AuditReport", "recent", "record", "record_in", "record_refusal", "take_turn", "verify"]

TIER_REFUSED = "tier.refused"  # somebody asked for more than their tier allows
_HEAD = "audit_head"
_FIELDS = ("user_id", "at_ns", "actor", "action", "object", "detail_json", "address", "request_id", "prev_hash")
_PAGE = 1_000
_TRIES = 5
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What became of a look at the whole chain.

    Args:
        rows: that add up. head: hash of the last.
    """

    rows: int
    head: str


def record(
    db: Database,
    principal: Principal | None,
    action: str,
    thing: str,
    detail: Mapping[str, Any] | None = None,
    *,
    at_ns: int | None = None,
    address: str = "",
    request_id: str = "",
) -> None:
    """Write down what somebody did, in a transaction of its own.

    Args:
        principal: who; None: nobody who is known, for example a sign-in that failed.
        action: ``verb.noun``-like name: ``login``, ``user.create``, ``halt``. thing: what it was done to.
        detail: facts; secrets in them are blacked out.
        at_ns: when; now if left out. address, request_id: where the request came from.

    Raises:
        StoreError: it could not be written; what it is about must not be done then.
    """
    for left in reversed(range(_TRIES)):
        try:
            with db.write() as writing:
                record_in(
                    writing, principal, action, thing, detail, at_ns=at_ns, address=address, request_id=request_id
                )
        except AlreadyThere:  # another process wrote onto the same row; the next try finds its row
            if not left:
                raise
        else:
            return


def record_refusal(db: Database, principal: Principal, reason: str, message: str) -> None:
    """Write down that somebody asked for more than their tier allows; they are told, and so is whoever sells tiers.

    Args:
        reason: stable name of the refusal. message: the sentence it was answered with.
    """
    record(db, principal, TIER_REFUSED, reason, {"tier": str(principal.tier), "message": message})


def record_in(
    writing: Writing,
    principal: Principal | None,
    action: str,
    thing: str,
    detail: Mapping[str, Any] | None = None,
    *,
    at_ns: int | None = None,
    address: str = "",
    request_id: str = "",
) -> None:
    """Write down what somebody did, in the transaction that does it: both happen, or neither. As `record`."""
    take_turn(writing)
    last = writing.row(AUDIT_LOG.select().order_by(AUDIT_LOG.c.id.desc()).limit(1))
    row: dict[str, Any] = {
        "user_id": principal.user_id if principal else 0,
        "at_ns": SystemClock().now_ns() if at_ns is None else at_ns,
        "actor": principal.username if principal else "",
        "action": action,
        "object": thing[:200],
        "detail_json": json.dumps(redact(dict(detail or {})), sort_keys=True, default=str)[:_LONGEST],
        "address": address[:64],
        "request_id": request_id[:64],
        "prev_hash": str(last["hash"]) if last else "",
    }
    row["hash"] = _hash(row)
    writing.insert(AUDIT_LOG.insert().values(**row))
    if not writing.run(META.update().where(META.c.name == _HEAD).values(value=row["hash"])):
        writing.run(META.insert().values(name=_HEAD, value=row["hash"]))


def take_turn(writing: Writing) -> None:
    """Let nobody else write into the log until this transaction ends.

    SQLite has one writer anyway. PostgreSQL has many, and two that each see the other as the last owner would both go;
    they queue for this row.
    """
    writing.run(META.update().where(META.c.name == _HEAD).values(value=META.c.value))


def recent(db: Database, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """Return the newest rows, newest first.

    Args:
        limit: how many at most. before: only rows with a smaller number than this.
    """
    found = AUDIT_LOG.select().order_by(AUDIT_LOG.c.id.desc()).limit(limit)
    rows = db.rows(found if before is None else found.where(AUDIT_LOG.c.id < before))
    return [{str(name): value for name, value in row.items()} for row in rows]


def verify(db: Database) -> AuditReport:
    """Check every row of the chain against the one before, and its end against what was kept apart.

    Raises:
        TapeBroken: a row was changed, put in or taken away; the message names the first.
    """
    head, count, after = "", 0, 0
    while rows := db.rows(AUDIT_LOG.select().where(AUDIT_LOG.c.id > after).order_by(AUDIT_LOG.c.id).limit(_PAGE)):
        for row in rows:
            if row["prev_hash"] != head or row["hash"] != _hash(row):
                raise TapeBroken(f"Row {row['id']} of the audit log was changed, or one before it is gone.")
            head, after, count = str(row["hash"]), int(row["id"]), count + 1
    kept = db.row(META.select().where(META.c.name == _HEAD))
    if (str(kept["value"]) if kept else "") != head:
        raise TapeBroken(f"Rows at the end of the audit log are gone; {count} are left.")
    return AuditReport(count, head)


def _hash(row: Mapping[str, Any] | Row) -> str:
    text = json.dumps([row[name] for name in _FIELDS], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
