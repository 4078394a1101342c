"""One connection of one thread: short transactions, and errors that say whether something was written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from tidemill.model.errors import InvariantBroken, StoreBusy, StoreError

__all__ = ["Session"]

_NOTHING = "nothing was written"
_UNKNOWN = "it is unknown whether the last commit was written: re-read by key before going on"
# SQLite's result codes (https://www.sqlite.org/rescode.html), the low byte tells the family.
_SQLITE = {
    5: "another program holds the database locked; close what has it open",
    6: "another connection holds a table locked; try again",
    8: "the database is read-only; give the file and its folder to this user",
    10: "the disk cannot be read or written; look at the disk before anything else",
    11: "the database is damaged; restore a backup",
    13: "the disk is full; free some space",
    14: "the database cannot be opened; check the path and its rights",
    19: "a row is already there or is not allowed",
    26: "the file is no database or is damaged; restore a backup",
}
_BUSY = 5
_RELAXED = {"sqlite": "PRAGMA synchronous=NORMAL", "postgresql": "SET synchronous_commit = off"}
_PASSES = (_BUSY, 6, 13)  # what may be over in a moment: locks, a full disk
_PASSES_POSTGRES = ("55P03", "57014", "40", "53")
_BEFORE_SENDING = ("DataError", "NotSupportedError", "ProgrammingError")  # found by the driver itself
_POSTGRES = {  # SQLSTATE classes and codes, PostgreSQL's appendix A
    "55P03": "another program holds a lock; end it",
    "57014": "the database did not answer in time",
    "25006": "the database takes no writes; give the address of the primary",
    "53100": "the database's disk is full; free some space",
    "XX001": "the database is damaged; restore a backup",
    "XX002": "the database is damaged; restore a backup",
    "22": "a value cannot be stored",
    "23": "a row is already there or is not allowed",
    "40": "the database gave up the transaction in favour of another; try again",
    "53": "the database has run out of something",
}
_SNAPSHOT = {"sqlite": "BEGIN", "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}


def _reason(error: BaseException) -> str:
    """Say in words what the driver's error means for the operator."""
    if isinstance(error, UnicodeError | OverflowError):
        return "a text or number cannot be stored"
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "SQLite refused")
    state = getattr(error, "sqlstate", None) or ""
    if not state and type(error).__name__ in _BEFORE_SENDING:
        return "a text or number cannot be stored"
    return _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or "the connection to the database is lost"


def _passes(error: BaseException) -> bool:
    """Tell whether the same write may work later."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSES
    return (getattr(error, "sqlstate", None) or "").startswith(_PASSES_POSTGRES)


class Session:
    """A connection that belongs to the thread that made it.

    Args:
        engine: of ``make_engine``.

    A connection that is lost is made anew at the next call; whatever was under way raised before.
    """

    def __init__(self, engine: Engine) -> None:
        self.database = engine.dialect.name
        self._engine = engine
        self._thread = threading.get_ident()
        self._begin = "BEGIN IMMEDIATE" if self.database == "sqlite" else "BEGIN"
        dbapi: Any = engine.dialect.loaded_dbapi
        self._errors: tuple[type[Exception], ...] = (dbapi.Error, UnicodeError, OverflowError)
        self._connection: Connection | None = None
        self._driver: Any = None
        self._is_closed = self._relaxed = False
        self._connect()

    def _connect(self) -> None:
        try:
            self._connection = self._engine.connect()
        except SQLAlchemyError as error:
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            raise self._failure(cause, "nothing was read") from error
        except self._errors as error:
            raise self._failure(error, "nothing was read") from error
        self._driver = self._connection.connection.driver_connection
        if self._relaxed and self._driver is not None:
            self._driver.execute(_RELAXED[self.database])

    def _mine(self) -> Any:
        if threading.get_ident() != self._thread:
            raise InvariantBroken("A store belongs to the thread that opened it; open another one for this thread.")
        if self._is_closed:
            raise StoreError("The store is closed; open it again.")
        if self._driver is None:
            self._connect()
        return self._driver

    def _failure(self, error: BaseException, outcome: str) -> StoreError:
        said = " ".join(str(error).split())
        is_unknown, may_pass = outcome == _UNKNOWN, _passes(error)
        kind = StoreBusy if may_pass and not is_unknown else StoreError
        failure = kind(f"The database: {_reason(error)} ({said}); {outcome}.")
        failure.is_unknown, failure.may_pass = is_unknown, may_pass
        return failure

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's view of the connection, for migrations."""
        self._mine()
        if self._connection is None:
            raise InvariantBroken("A driver without a connection.")
        return self._connection

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query.

        Raises:
            StoreError: nothing was read.
        """
        driver = self._mine()
        try:
            rows: list[tuple[Any, ...]] = driver.execute(sql, values).fetchall()
        except self._errors as error:
            if getattr(driver, "closed", False):
                self._drop()
            raise self._failure(error, "nothing was read") from error
        return rows

    @contextmanager
    def write(self) -> Iterator[Any]:
        """Open a transaction, hand out its cursor, and commit; anything raised inside undoes all of it.

        Raises:
            StoreBusy: nothing was written, and the same may work later.
            StoreError: nothing was written, or, if the text says so, it is unknown.
        """
        driver = self._mine()
        cursor = driver.cursor()
        finished = False
        try:
            cursor.execute(self._begin)
            yield cursor
            finished = True
        except self._errors as error:
            raise self._failure(error, _NOTHING) from error
        finally:
            if not finished:
                self._undo()
        try:
            cursor.execute("COMMIT")
        except self._errors as error:
            known = self._is_undone(error)
            if known:
                self._undo()
            else:
                self._drop()
            raise self._failure(error, _NOTHING if known else _UNKNOWN) from error
        cursor.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every read inside see one moment of the database, whatever is written meanwhile; nothing is written here.

        Raises:
            StoreError: nothing was read.
        """
        driver = self._mine()
        try:
            driver.execute(_SNAPSHOT[self.database])
            yield
        except self._errors as error:
            raise self._failure(error, "nothing was read") from error
        finally:
            if self._driver is not None:  # a lost connection took the moment with it
                self._undo()

    def _is_undone(self, error: Exception) -> bool:
        """Tell whether a failed COMMIT left nothing behind for certain."""
        if isinstance(error, sqlite3.Error):
            return getattr(error, "sqlite_errorcode", 0) & 0xFF == _BUSY
        return (getattr(error, "sqlstate", None) or "")[:2] in {"23", "40"}

    def _undo(self) -> None:
        """Roll back; a connection that cannot even do that is given up, which rolls back as well."""
        try:
            if self.database != "sqlite" or self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
        except self._errors:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def relax(self) -> None:
        """Let commits return before the disk has them: they are on it with the next durable commit of anybody.

        For requests whose asker waits for an answer, which is durable: an answer never comes before its request.
        See the pragma synchronous of SQLite in WAL mode, and synchronous_commit of PostgreSQL.
        """
        self._relaxed = True
        self._mine().execute(_RELAXED[self.database])

    def close(self) -> None:
        """Let the connection go; harmless when done twice."""
        if threading.get_ident() != self._thread:
            raise InvariantBroken("A store is closed by the thread that opened it.")
        if self._connection is not None:
            self._connection.close()
        self._connection = self._driver = None
        self._is_closed = True
