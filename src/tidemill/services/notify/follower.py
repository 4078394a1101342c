"""Turns what runs, jobs, halts and people leave in the database into notifications, each exactly once.

One transaction takes a handful of rows, tells whom they concern, and moves a bookmark on: after a crash the next look
goes on where the last one ended. Keys keep what is read twice from being told twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import and_, func, select

from tidemill.adapters.sql.database import Database, Row, Writing
from tidemill.adapters.sql.service_tables import AUDIT_LOG, JOBS, RUN_OWNERS
from tidemill.adapters.sql.tables import ALERTS, FILLS, GUARD, META
from tidemill.model.bars import SECOND_NS
from tidemill.ports.seams import Clock
from tidemill.services.access.audit import TIER_REFUSED
from tidemill.services.notify.kinds import USUAL_PRIORITY, Happening, Kind, Priority
from tidemill.services.notify.notifications import Notifications

__all__ = ["Follower"]

_MOST = 200  # rows of one transaction
_MOST_TIMED = 5_000  # more than can happen within the time that is read again
_BACK_NS = 10 * SECOND_NS  # rows carry the time of before their transaction; those just before are read again
_BACK = 256  # numbers that PostgreSQL may have given to transactions that end later
_ENDED = ("STOPPED", "COMPLETED", "ERROR")
_SEVERITY = {1: Priority.CRITICAL, 2: Priority.HIGH}
_DAY_NS = 86_400 * SECOND_NS
_MICRO = 1_000_000


class _Told:
    """What is told beside title and kind."""

    __slots__ = ("at_ns", "data", "priority", "run_id", "text")

    def __init__(
        self, text: str, at_ns: int, data: dict[str, Any], run_id: str = "", priority: Priority | None = None
    ) -> None:
        self.text, self.at_ns, self.data, self.run_id, self.priority = text, at_ns, data, run_id, priority


class Follower:
    """Looks for news.

    Args:
        database, clock: of the installation. notifications: where they are told.
    """

    def __init__(self, database: Database, clock: Clock, notifications: Notifications) -> None:
        self._database, self._clock, self._notifications = database, clock, notifications
        self._seen: dict[str, frozenset[tuple[Any, ...]]] = {}  # rows just told, by source: they are read again

    def look(self) -> int:
        """Tell what is new; return how many people were told something. Raises StoreError: nothing of it was told."""
        parts = (self._alerts, self._fills, self._runs, self._jobs, self._halts, self._tiers)
        return sum(part() for part in parts)

    def _tell(self, writing: Writing, user_id: int, key: str, kind: Kind, title: str, row: _Told) -> int:
        happening = Happening(
            user_id,
            key,
            kind,
            title,
            row.text,
            row.at_ns,
            row.priority or USUAL_PRIORITY[kind],
            row.data,
            row.run_id,
            f"/runs/{row.run_id}" if row.run_id else "",
        )
        return int(self._notifications.add(writing, happening))

    # --- bookmarks

    def _mark(self, name: str, first: Callable[[], int]) -> int:
        """Return how far somebody read; whoever never read begins with what comes from now on."""
        row = self._database.row(select(META).where(META.c.name == f"told.{name}"))
        if row is not None:
            return int(row["value"])
        value = first()
        with self._database.write() as writing:
            writing.run(META.insert().values(name=f"told.{name}", value=str(value)))
        return value

    @staticmethod
    def _move(writing: Writing, name: str, value: int) -> None:
        writing.run(META.update().where(META.c.name == f"told.{name}").values(value=str(value)))

    def _newest(self, column: Any) -> int:
        row = self._database.row(select(func.max(column).label("newest")))
        return int(row["newest"] or 0) if row is not None else 0

    def _back(self) -> int:
        return 0 if self._database.kind == "sqlite" else _BACK

    # --- sources

    def _alerts(self) -> int:
        owners = RUN_OWNERS.c.user_id.label("owner")
        query = select(ALERTS, owners).outerjoin(RUN_OWNERS, RUN_OWNERS.c.run_id == ALERTS.c.run_id)
        rows = self._database.rows(query.where(ALERTS.c.delivered_ns == 0).order_by(ALERTS.c.at_ns).limit(_MOST))
        if not rows:
            return 0
        told, now = 0, self._clock.now_ns()
        with self._database.write() as writing:
            for row in rows:
                one = and_(ALERTS.c.key == row["key"], ALERTS.c.delivered_ns == 0)
                if not writing.run(ALERTS.update().where(one).values(delivered_ns=now)):
                    continue
                people = [row["owner"]] if row["owner"] is not None else self._notifications.in_charge(writing)
                priority, title = _SEVERITY.get(row["severity"], Priority.NORMAL), _words(row["kind"])
                data = {"kind": row["kind"], "severity": row["severity"]}
                item = _Told(row["text"], row["at_ns"], data, row["run_id"], priority)
                key = f"alert:{row['key']}"
                told += sum(self._tell(writing, user_id, key, Kind.ALERT, title, item) for user_id in people)
        return told

    def _fills(self) -> int:
        mark = self._mark("fills", lambda: self._newest(FILLS.c.number))
        owners = RUN_OWNERS.c.user_id.label("owner")
        query = select(FILLS, owners).outerjoin(RUN_OWNERS, RUN_OWNERS.c.run_id == FILLS.c.run_id)
        after = query.where(FILLS.c.number > mark - self._back()).order_by(FILLS.c.number)
        rows = self._database.rows(after.limit(_MOST + self._back()))
        if not rows or rows[-1]["number"] <= mark:
            return 0
        told = 0
        with self._database.write() as writing:
            for row in rows:
                if row["owner"] is not None:
                    key = f"fill:{row['broker']}:{row['account']}:{row['exec_id']}"
                    title = f"{row['side']} {row['quantity']} {row['symbol']} at {row['price']}"
                    told += self._tell(writing, row["owner"], key, Kind.TRADE_EXECUTED, title, _fill(row, title))
            self._move(writing, "fills", rows[-1]["number"])
        return told

    def _since(self, name: str, table: Any, column: Any, *where: Any) -> tuple[Sequence[Row], int]:
        """Return rows by a time they carry, those just before the bookmark again, and the bookmark."""
        mark = self._mark(name, self._clock.now_ns)
        query = select(table).where(column > mark - _BACK_NS, *where).order_by(column)
        return self._database.rows(query.limit(_MOST_TIMED)), mark

    def _timed(
        self, name: str, rows: Sequence[Row], mark: int, column: str, tell: Callable[[Writing, Row], int]
    ) -> int:
        if not rows:
            return 0
        newest = max(mark, rows[-1][column])
        seen = self._seen.get(name, frozenset())
        news = [row for row in rows if tuple(row.values()) not in seen]
        if not news and newest == mark:
            return 0
        with self._database.write() as writing:
            told = sum(tell(writing, row) for row in news)
            if newest > mark:
                self._move(writing, name, newest)
        self._seen[name] = frozenset(tuple(row.values()) for row in rows)
        return told

    def _runs(self) -> int:
        rows, mark = self._since("runs", RUN_OWNERS, RUN_OWNERS.c.updated_ns)
        return self._timed("runs", rows, mark, "updated_ns", self._run)

    def _run(self, writing: Writing, row: Row) -> int:
        run_id, status, told = row["run_id"], row["status"], 0
        data = {"status": status, "agent_id": row["agent_id"], "face": row["face"], "mode": row["mode"]}
        item = _Told(row["message"] or "", row["updated_ns"], data, run_id)
        if status in {"RUNNING", "PAUSED", "STOPPED", "COMPLETED"}:
            begun = _Told("", row["started_ns"], {**data, "status": "RUNNING"}, run_id)
            told += self._tell(writing, row["user_id"], f"run:{run_id}:started", Kind.BOT_STARTED, "A run began", begun)
        if status in _ENDED:
            is_error = status == "ERROR"
            kind = Kind.BOT_ERROR if is_error else Kind.BOT_FINISHED
            title = "A run failed" if is_error else "A run is over"
            told += self._tell(writing, row["user_id"], f"run:{run_id}:{status}", kind, title, item)
        return told

    def _jobs(self) -> int:
        ended = JOBS.c.status.in_(("DONE", "FAILED", "CANCELLED"))
        rows, mark = self._since("jobs", JOBS, JOBS.c.ended_ns, ended)
        return self._timed("jobs", rows, mark, "ended_ns", self._job)

    def _job(self, writing: Writing, row: Row) -> int:
        is_bad = row["status"] == "FAILED"
        kind, title = (Kind.JOB_FAILED, "A job failed") if is_bad else (Kind.JOB_FINISHED, "A job is done")
        data = {"job_id": row["id"], "kind": row["kind"], "status": row["status"]}
        item = _Told(row["message"] or "", row["ended_ns"], data)
        return self._tell(writing, row["user_id"], f"job:{row['id']}", kind, title, item)

    def _halts(self) -> int:
        rows = self._database.rows(select(GUARD))  # a few; their times are those of the runs, which a replay has
        since, seen = self._mark("halts", self._clock.now_ns), self._seen.get("halts", frozenset())
        is_old = "halts" not in self._seen  # of another process: what was lifted before anybody was told is no news
        news = [row for row in rows if tuple(row.values()) not in seen]
        news = [row for row in news if not (is_old and row["state"] == "CLEAR" and row["at_ns"] < since - _DAY_NS)]
        told = 0
        if news:
            with self._database.write() as writing:
                told = sum(self._halt(writing, row) for row in news)
                self._move(writing, "halts", self._clock.now_ns())
        self._seen["halts"] = frozenset(tuple(row.values()) for row in rows)
        return told

    def _halt(self, writing: Writing, row: Row) -> int:
        kind, _, name = row["scope"].partition(":")
        if kind not in {"system", "account", "run", "strategy", "symbol"}:
            return 0  # rows of the guard's own book-keeping
        run_id = name.partition(":")[2] if kind == "account" else name.partition("/")[0]
        owners = [item["user_id"] for item in writing.rows(select(RUN_OWNERS).where(RUN_OWNERS.c.run_id == run_id))]
        people = self._notifications.everybody(writing, row["at_ns"]) if kind == "system" else owners
        is_halt = row["state"] == "HALTED"
        what, title = (Kind.HALT, "Trading is halted") if is_halt else (Kind.RESUMED, "Trading goes on")
        data = {"scope": row["scope"], "state": row["state"], "by": row["by"]}
        item = _Told(f"{row['scope']}: {row['reason']}", row["at_ns"], data, run_id if run_id and owners else "")
        key = f"halt:{row['scope']}:{row['at_ns']}:{row['state']}"
        return sum(self._tell(writing, user_id, key, what, title, item) for user_id in people)

    def _tiers(self) -> int:
        mark = self._mark("audit", lambda: self._newest(AUDIT_LOG.c.id))
        query = select(AUDIT_LOG).where(AUDIT_LOG.c.id > mark).order_by(AUDIT_LOG.c.id)
        rows = self._database.rows(query.limit(_MOST))
        if not rows:
            return 0
        told = 0
        with self._database.write() as writing:
            for row in rows:
                detail = json.loads(row["detail_json"]) if row["action"] == "user.change" else {}
                number = row["object"].partition(":")[2]
                if row["action"] == TIER_REFUSED and row["user_id"]:
                    told += self._refusal(writing, row)
                if "tier" in detail and number.isdigit():
                    tier = detail["tier"]
                    item = _Told(f"Your tier is {tier} now.", row["at_ns"], {"tier": tier})
                    key = f"tier:{row['id']}"
                    told += self._tell(writing, int(number), key, Kind.TIER_CHANGED, "Another tier", item)
            self._move(writing, "audit", rows[-1]["id"])
        return told

    def _refusal(self, writing: Writing, row: Row) -> int:
        """Tell somebody what their tier refused them, once a day for each reason."""
        detail = json.loads(row["detail_json"])
        key = f"tier-refused:{row['object']}:{row['at_ns'] // _DAY_NS}"
        data = {"reason": row["object"], "tier": detail.get("tier", "")}
        item = _Told(str(detail.get("message", "")), row["at_ns"], data)
        return self._tell(writing, row["user_id"], key, Kind.TIER_REFUSED, "Your tier does not allow it", item)


def _words(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _fill(row: Row, text: str) -> _Told:
    names = ("symbol", "side", "quantity", "price", "client_id", "strategy", "exec_id")
    data = {**{name: row[name] for name in names}, "fee": f"{row['fee_micros'] / _MICRO:.6f}"}
    return _Told(text, row["ts_ns"], data, row["run_id"])
