"""The one reader of the database for everybody who watches: what is new or changed since the last look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, and_, func, literal_column, not_, or_, select, table, true

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.service_tables import AUDIT_LOG, JOBS, NOTIFICATIONS
from tidemill.adapters.sql.tables import ALERTS, FILLS, GUARD
from tidemill.model.bars import SECOND_NS
from tidemill.ports.seams import Clock
from tidemill.services.stream.orders import OrderChanges
from tidemill.services.stream.owned import OwnedRuns
from tidemill.services.stream.rows import (
    activity_row,
    alert_row,
    audit_row,
    equity_row,
    fill_row,
    halt_row,
    job_row,
    notification_row,
    position_row,
    signal_row,
)
from tidemill.services.stream.tail import Tail
from tidemill.services.stream.topics import Found, Topic

__all__ = ["Reader"]

_ALERTS_KEPT = 10_000
_ALERTS_BACK_NS = 30 * SECOND_NS
_MOST = 2_000  # rows of one question; what is beyond comes with the next look
_Shape = Callable[[Row], dict[str, Any]]


class Reader:
    """Looks at the database again and again; belongs to one thread.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self.runs = OwnedRuns(database, clock)
        self._orders = OrderChanges(database)
        self.fills = Tail(database, FILLS, FILLS.c.number)
        self.notifications = Tail(database, NOTIFICATIONS, NOTIFICATIONS.c.id)
        self.audit = Tail(database, AUDIT_LOG, AUDIT_LOG.c.id)
        self._lines: dict[tuple[str, str], int] = {}  # table and run to the number of the last row told
        self._open_signals: dict[str, set[int]] = {}
        self._states: dict[tuple[Topic, str], tuple[Any, ...]] = {}
        self._alerts: dict[str, None] = {}
        self._halts: dict[str, Row] = {}
        self._jobs: dict[str, int] = {}
        self._users: frozenset[int] = frozenset()
        self._version: int | None = None
        self._has_more = False

    def look(self, users: frozenset[int]) -> list[Found]:
        """Return what is new, per topic in the order in which it was written. Raises StoreError.

        Args:
            users: who watches. Of those who did not at the last look, only newest values are told: what happened
                before is told by snapshots.
        """
        version = self._data_version()
        if version is not None and version == self._version and users <= self._users and not self._lags():
            self._users = users
            return []
        found = self.runs.look(users)
        owners = self.runs.owners
        self._forget(owners)
        found = [
            *self._look_halts(owners),
            *found,
            *self._look_fills(owners),
            *self._orders.look(owners, self.runs.begun),
            *self._look_signals(owners),
            *self._look_lines(owners),
            *self._look_alerts(owners, users - self._users),
            *self._look_notifications(users),
            *(Found(Topic.AUDIT, str(row["id"]), audit_row(row), 0) for row in self.audit.new()),
            *self._look_state(Topic.POSITIONS, owners, position_row, "strategy", "symbol"),
            *self._look_state(Topic.EQUITY, owners, equity_row, "account"),
            *self._look_jobs(users),
        ]
        self._version, self._users = version, users
        return found

    def _data_version(self) -> int | None:
        """Return a number that changes when anybody else writes; None where the database has none."""
        if self._database.kind != "sqlite":
            return None
        row = self._database.row(select(literal_column("data_version")).select_from(table("pragma_data_version")))
        return int(row["data_version"]) if row is not None else None

    def _lags(self) -> bool:
        """Tell whether the last look left something for the next one."""
        return self._has_more or self.fills.has_more or self.notifications.has_more or self.audit.has_more

    def _forget(self, owners: Mapping[str, int]) -> None:
        for key in [key for key in self._lines if key[1] not in owners]:
            del self._lines[key]
        for run_id in [run_id for run_id in self._open_signals if run_id not in owners]:
            del self._open_signals[run_id]
        for state in [key for key in self._states if key[1].partition("/")[0] not in owners]:
            del self._states[state]

    # --- events

    def _look_fills(self, owners: Mapping[str, int]) -> list[Found]:
        rows = [row for row in self.fills.new() if row["run_id"] in owners]
        self._orders.hint(row["client_id"] for row in rows)
        return [_of_run(Topic.FILLS, str(row["number"]), fill_row(row), row["run_id"], owners) for row in rows]

    def _look_lines(self, owners: Mapping[str, int]) -> list[Found]:
        source = READ_TABLES["activity_log"]
        rows = self._rows(source, self._after(source, owners), _MOST)
        for row in rows:
            self._lines[source.name, row["run_id"]] = row["number"]
        self._has_more = len(rows) == _MOST
        return [
            _of_run(Topic.ACTIVITY, f"{row['run_id']}/{row['number']}", activity_row(row), row["run_id"], owners)
            for row in rows
        ]

    def _look_signals(self, owners: Mapping[str, int]) -> list[Found]:
        source = READ_TABLES["signals"]
        where = self._after(source, owners)
        where += [
            and_(source.c.run_id == run_id, source.c.number.in_(sorted(numbers)), source.c.status != "ORDERED")
            for run_id, numbers in self._open_signals.items()
            if numbers
        ]
        found = []
        for row in self._rows(source, where, _MOST):
            run_id, number, is_open = row["run_id"], row["number"], row["status"] == "ORDERED"
            self._lines[source.name, run_id] = max(number, self._lines[source.name, run_id])
            waiting = self._open_signals.setdefault(run_id, set())
            (waiting.add if is_open else waiting.discard)(number)
            found.append(_of_run(Topic.SIGNALS, f"{run_id}/{number}", signal_row(row), run_id, owners))
        return found

    def _after(self, source: Table, owners: Mapping[str, int]) -> list[Any]:
        """Return what rows of runs come after those told; of a run that was there before, none that is there now."""
        fresh = [run_id for run_id in owners if (source.name, run_id) not in self._lines]
        for run_id in fresh:
            self._lines[source.name, run_id] = -1
        old = [run_id for run_id in fresh if run_id not in self.runs.begun]
        if old:
            newest = select(source.c.run_id, func.max(source.c.number).label("most")).where(source.c.run_id.in_(old))
            for row in self._database.rows(newest.group_by(source.c.run_id)):
                self._lines[source.name, row["run_id"]] = row["most"]
            if source.name == "signals":
                self._note_open(source, old)
        return [
            and_(source.c.run_id == run_id, source.c.number > self._lines[source.name, run_id]) for run_id in owners
        ]

    def told(self, source: Table) -> Any:
        """Return the condition of rows of runs that were told already: those written since come with the next look."""
        numbers = [(run_id, last) for (name, run_id), last in self._lines.items() if name == source.name]
        later = [and_(source.c.run_id == run_id, source.c.number > last) for run_id, last in numbers]
        return not_(or_(*later)) if later else true()

    def _note_open(self, source: Table, runs: Sequence[str]) -> None:
        for row in self._rows(source, [and_(source.c.run_id.in_(runs), source.c.status == "ORDERED")], _MOST):
            self._open_signals.setdefault(row["run_id"], set()).add(row["number"])

    def _rows(self, source: Table, where: Sequence[Any], most: int) -> Sequence[Row]:
        if not where:
            return []
        order = (source.c.run_id, source.c.number)
        return self._database.rows(select(source).where(or_(*where)).order_by(*order).limit(most))

    def _look_alerts(self, owners: Mapping[str, int], new: frozenset[int]) -> list[Found]:
        since = self._clock.now_ns() - _ALERTS_BACK_NS
        fresh = or_(ALERTS.c.delivered_ns == 0, ALERTS.c.delivered_ns >= since)
        query = select(ALERTS).where(fresh, ALERTS.c.run_id.in_(sorted(owners)))
        rows = [row for row in self._database.rows(query.order_by(ALERTS.c.at_ns)) if row["key"] not in self._alerts]
        for row in rows:
            self._alerts[row["key"]] = None
        while len(self._alerts) > _ALERTS_KEPT:
            del self._alerts[next(iter(self._alerts))]
        told = [row for row in rows if owners[row["run_id"]] not in new]
        return [_of_run(Topic.ALERTS, row["key"], alert_row(row), row["run_id"], owners) for row in told]

    def _look_halts(self, owners: Mapping[str, int]) -> list[Found]:
        rows = self._database.rows(select(GUARD).order_by(GUARD.c.at_ns))
        changed = [row for row in rows if dict(self._halts.get(row["scope"], {})) != dict(row)]
        is_first = not self._users
        self._halts = {row["scope"]: row for row in rows}
        return [] if is_first else [item for row in changed if (item := _halt(row, owners)) is not None]

    def halts_of(self, user_id: int) -> list[dict[str, Any]]:
        """Return what halts somebody's runs now."""
        owners = self.runs.owners
        found = [_halt(row, owners) for row in self._halts.values() if row["state"] == "HALTED"]
        return [item.row for item in found if item is not None and item.user_id in {0, user_id}]

    def _look_notifications(self, users: frozenset[int]) -> list[Found]:
        rows = [row for row in self.notifications.new() if row["user_id"] in users]
        return [Found(Topic.NOTIFICATIONS, str(row["id"]), notification_row(row), row["user_id"]) for row in rows]

    # --- newest values

    def _look_state(self, topic: Topic, owners: Mapping[str, int], shape: _Shape, *keys: str) -> list[Found]:
        source = READ_TABLES["positions" if topic is Topic.POSITIONS else "portfolio_state"]
        found = []
        for row in self._database.rows(select(source).where(source.c.run_id.in_(sorted(owners)))):
            key = "/".join((row["run_id"], *(row[name] for name in keys)))
            values = tuple(row.values())
            if self._states.get((topic, key)) != values:
                self._states[topic, key] = values
                found.append(_of_run(topic, key, shape(row), row["run_id"], owners))
        return found

    def _look_jobs(self, users: frozenset[int]) -> list[Found]:
        at_work = and_(JOBS.c.status.in_(("QUEUED", "RUNNING")), JOBS.c.user_id.in_(sorted(users)))
        rows = self._database.rows(select(JOBS).where(or_(at_work, JOBS.c.id.in_(sorted(self._jobs)))))
        self._jobs = {row["id"]: row["user_id"] for row in rows if row["status"] in {"QUEUED", "RUNNING"}}
        return [Found(Topic.JOBS, row["id"], job_row(row), row["user_id"]) for row in rows]


def _of_run(topic: Topic, key: str, row: dict[str, Any], run_id: str, owners: Mapping[str, int]) -> Found:
    return Found(topic, key, row, owners[run_id], run_id)


def _halt(row: Row, owners: Mapping[str, int]) -> Found | None:
    """Return a halt with whose it is; None: of nobody who watches."""
    kind, _, name = row["scope"].partition(":")
    if kind == "system":
        return Found(Topic.HALTS, row["scope"], halt_row(row), 0)
    run_id = name.partition(":")[2] if kind == "account" else name.partition("/")[0]
    return _of_run(Topic.HALTS, row["scope"], halt_row(row), run_id, owners) if run_id in owners else None
