"""The durable record in SQLite or PostgreSQL: what ``ports/store.py`` asks for, with the same code on both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from operator import attrgetter
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, bindparam, delete, literal_column, select, update

from tidemill.adapters.sql import leases
from tidemill.adapters.sql.migrate import greet
from tidemill.adapters.sql.place import ProcessLock
from tidemill.adapters.sql.read_tables import READ_TABLES, key_of
from tidemill.adapters.sql.reads import StoreReads, names_of, read_table
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.statements import OnConflict, delete_sql, insert_sql, text_of
from tidemill.adapters.sql.tables import COMMANDS, HEARTBEATS, JOURNAL, OUTBOX, SNAPSHOTS
from tidemill.model.errors import InvariantBroken, StoreError
from tidemill.model.journal import AnswerRow, Batch, ProjectionRow, SnapshotRow
from tidemill.ports.store import ENGINE, CommandRow, Lease

__all__ = ["SqlStore", "verify_pages"]

# What a key that is already there means: history is never rewritten, a fact is booked once, a state moves on.
_CONFLICT: dict[str, tuple[OnConflict, tuple[str, ...]]] = {
    "runs": ("replace", ("run_id",)),
    "tape": ("refuse", ()),
    "intents": ("refuse", ("client_id",)),
    "outbox": ("replace", ("key",)),
    "orders": ("replace", ("client_id",)),
    "fills": ("keep", ("broker", "account", "exec_id")),
    "ledger": ("keep", ("ref",)),
    "guard": ("replace", ("scope",)),
    "violations": ("replace", ("key",)),
    "alerts": ("replace", ("key",)),
    "recon": ("replace", ("key",)),
    "snapshots": ("replace", ("run_id", "seq")),
}
_PENDING: ColumnElement[str] = literal_column("'PENDING'")
_SENDING: ColumnElement[str] = literal_column("'SENDING'")
_SNAPSHOTS_KEPT = 3  # of each run: the newest, and two to fall back on


def _many(cursor: Any, sql: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run a statement for each row and return how many rows it changed."""
    if len(rows) == 1:
        cursor.execute(sql, rows[0])
    else:
        cursor.executemany(sql, rows)
    return int(cursor.rowcount)


def _plain(value: Any) -> Any:
    """Return a value as every database keeps it: no bool, no NaN."""
    if isinstance(value, bool):
        return int(value)
    return None if isinstance(value, float) and math.isnan(value) else value


@cache
def _layout(database: str, name: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Return the columns of a read table, those of its key, and the text that writes a row."""
    table = read_table(name)
    names, key = tuple(column.name for column in table.columns), key_of(table)
    return names, key, insert_sql(database, table, names, key, "replace")


@cache
def _claim_sql(database: str) -> str:
    statement = (
        update(OUTBOX)
        .values(state=_SENDING, epoch=bindparam("new_epoch"), sent_ns=bindparam("now_ns"))
        .where(OUTBOX.c.key == bindparam("of_key"), OUTBOX.c.state == _PENDING)
    )
    return text_of(statement, database, ("new_epoch", "now_ns", "of_key"))


@cache
def _answer_sql(database: str) -> str:
    statement = (
        update(COMMANDS)
        .values(state=bindparam("new_state"), answer=bindparam("new_answer"))
        .where(COMMANDS.c.key == bindparam("of_key"))
    )
    return text_of(statement, database, ("new_state", "new_answer", "of_key"))


@cache
def _prune_sql(database: str) -> str:
    """Return the deletion of all but a run's newest snapshots."""
    kept = (
        select(SNAPSHOTS.c.seq)
        .where(SNAPSHOTS.c.run_id == bindparam("kept_run"))
        .order_by(SNAPSHOTS.c.seq.desc())
        .limit(literal_column(str(_SNAPSHOTS_KEPT)))
        .offset(literal_column("0"))
    )
    statement = delete(SNAPSHOTS).where(SNAPSHOTS.c.run_id == bindparam("of_run"), SNAPSHOTS.c.seq.not_in(kept))
    return text_of(statement, database, ("of_run", "kept_run"))


class SqlStore(StoreReads):
    """A durable record in SQLite or PostgreSQL.

    A store belongs to the thread that opened it: the engine opens it on its writer thread, and every other thread or
    process that needs the record (API, watchdog) opens one of its own on the same address. Calls from another thread
    raise InvariantBroken. Each write is one transaction that waits for the disk before it returns.

    The order path bypasses SQLAlchemy's execution and runs its compiled texts on the driver's cursor: what Core adds
    for each statement is several times what the statement itself takes.

    Args:
        session: a connection whose database was greeted.
        lock: held until ``close``; None without one.
    """

    def __init__(self, session: Session, lock: ProcessLock | None = None) -> None:
        super().__init__(session)
        self._lock = lock
        self._writers = [
            (name, insert_sql(session.database, table, names_of(row), key, conflict), attrgetter(*names_of(row)))
            for name, (table, row) in JOURNAL.items()
            for conflict, key in [_CONFLICT[name]]
        ]
        self._claim_sql = _claim_sql(session.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def commit(self, batch: Batch) -> None:
        """Write a batch in one durable transaction; an empty one does nothing.

        A fill or ledger entry whose identity is known is left as it is; runs, requests, orders, halts, violations,
        alerts, comparisons and read rows replace the row of their key. A tape row that does not carry on the newest
        one, an intent that is already there, and a request that would go back to PENDING are refused.

        Raises:
            LeaseLost: the account's epoch is not the batch's; nothing was written.
            StoreError: nothing was written, or (the text says so) it is unknown: re-read by key before going on.
        """
        if batch.is_empty():
            return
        with self._session.write() as cursor:
            if batch.epoch > 0:
                leases.check_epoch(cursor, self._session.database, batch.account, batch.epoch)
            for name, sql, values in self._writers:
                rows = getattr(batch, name)
                if rows:
                    written = _many(cursor, sql, [values(row) for row in rows])
                    if name == "outbox" and written != len(rows):
                        raise StoreError("A request that is on its way was to wait again; nothing was written.")
            for item in batch.answers:
                cursor.execute(_answer_sql(self._session.database), (item.state, item.text, item.key))
            self._project(cursor, batch.projections)
            self._prune(cursor, batch.snapshots)

    def _project(self, cursor: Any, rows: Iterable[ProjectionRow]) -> None:
        by_table: dict[str, list[list[Any]]] = {}
        for row in rows:
            names, key, _ = _layout(self._session.database, row.table)
            unknown = row.values.keys() - names
            if unknown or len(row.key) != len(key):
                raise InvariantBroken(f"The read table {row.table} takes the key {key} and has no column {unknown}.")
            values = {**row.values, **dict(zip(key, row.key, strict=True))}
            by_table.setdefault(row.table, []).append([_plain(values.get(name)) for name in names])
        for name, values_of_rows in by_table.items():
            _many(cursor, _layout(self._session.database, name)[2], values_of_rows)

    def _prune(self, cursor: Any, snapshots: Iterable[SnapshotRow]) -> None:
        """Forget snapshots that newer ones have replaced."""
        for run_id in dict.fromkeys(row.run_id for row in snapshots):
            cursor.execute(_prune_sql(self._session.database), (run_id, run_id))

    def claim(self, key: str, account: str, epoch: int, now_ns: int) -> bool:
        """Turn a PENDING outbox row into SENDING, durably: the point of no return.

        Args:
            epoch: of a lease; unlike ``commit``, there is no claim without one.

        Returns:
            False when the row is not PENDING any more; it must not be sent then.

        Raises:
            LeaseLost, StoreError: it was not claimed, or (the text says so) it is unknown: re-read the row, and do
            not send if it is SENDING.
        """
        with self._session.write() as cursor:
            leases.check_epoch(cursor, self._session.database, account, epoch)
            cursor.execute(self._claim_sql, (epoch, now_ns, key))
            return int(cursor.rowcount) == 1

    def take_lease(self, account: str, owner: str, now_ns: int, ttl_ns: int) -> Lease:
        """Take an account's lease with the next epoch.

        Args:
            owner: of the taker; the same owner may take it again, which ends its former epoch.

        Raises:
            LeaseLost: somebody else holds it and it has not run out.
        """
        lock = self._lock
        is_alone = lock is not None and lock.holds(account)

        def is_gone(held: str) -> bool:  # engines lock the file: whoever had the lease has ended
            return is_alone and held.startswith(ENGINE)

        return leases.take(self._session, account, owner, now_ns, ttl_ns, is_gone)

    def renew_lease(self, lease: Lease, now_ns: int, ttl_ns: int) -> Lease:
        """Prolong a lease that is still ours, run out or not; raises LeaseLost when somebody took it since."""
        return leases.renew(self._session, lease, now_ns, ttl_ns)

    def release_lease(self, lease: Lease) -> None:
        """Give a lease back; harmless when it is lost already."""
        leases.release(self._session, lease)

    def put_command(self, command: CommandRow) -> CommandRow:
        """Store a command once; a known key returns the stored one (the caller compares ``body_hash``)."""
        names = names_of(CommandRow)
        sql = insert_sql(self._session.database, COMMANDS, names, ("key",), "keep")
        with self._session.write() as cursor:
            cursor.execute(sql, attrgetter(*names)(command))
        stored = self.command(command.key)
        if stored is None:
            raise StoreError(f"Command {command.key} was stored and is gone; somebody edits the database.")
        return stored

    def put_commands(self, commands: Sequence[CommandRow]) -> list[CommandRow]:
        """Store commands once each, all in one transaction; return what is stored under their keys, in their order."""
        names = names_of(CommandRow)
        sql = insert_sql(self._session.database, COMMANDS, names, ("key",), "keep")
        with self._session.write() as cursor:
            _many(cursor, sql, [attrgetter(*names)(command) for command in commands])
        stored = {row.key: row for row in self.commands([command.key for command in commands])}
        return [stored[command.key] for command in commands]

    def answer_commands(self, answers: Sequence[AnswerRow]) -> None:
        """Write down what became of commands, all in one transaction.

        Raises:
            StoreError: one of them is not there, or nothing could be written.
        """
        if not answers:
            return
        with self._session.write() as cursor:
            for item in answers:
                cursor.execute(_answer_sql(self._session.database), (item.state, item.text, item.key))
                if cursor.rowcount != 1:
                    raise StoreError(f"There is no command {item.key!r} to answer; nothing was written.")

    def heartbeat(self, name: str, now_ns: int, body: str) -> None:
        """Say that a process lives and how it fares."""
        sql = insert_sql(self._session.database, HEARTBEATS, ("name", "at_ns", "body"), ("name",), "replace")
        with self._session.write() as cursor:
            cursor.execute(sql, (name, now_ns, body))

    def clear_projections(self, run_id: str) -> None:
        """Empty a run's read tables, before they are rebuilt from the tape."""
        with self._session.write() as cursor:
            for table in READ_TABLES.values():
                cursor.execute(delete_sql(self._session.database, table, "run_id"), (run_id,))

    def check(self) -> None:
        """Verify that the file is sound and of this version.

        Raises:
            StoreMismatch: it is another version's. StoreError: a page is damaged, or it cannot be read.
        """
        verify_pages(self._session)
        greet(self._session)

    def close(self) -> None:
        """Let go of every connection and lock; harmless when done twice."""
        self._session.close()
        if self._lock is not None:
            self._lock.close()


def verify_pages(session: Session) -> None:
    """Make sure that no page of a SQLite file is damaged; PostgreSQL watches over its own.

    Raises:
        StoreError: one is.
    """
    if session.database != "sqlite":
        return
    found = [str(row[0]) for row in session.read("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise StoreError(f"The database is damaged ({found[0]}); restore a backup.")
