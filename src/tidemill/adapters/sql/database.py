"""The database as services use it: any thread asks on a connection of its own, and writers of one process queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from tidemill.adapters.sql.asked import Question
from tidemill.adapters.sql.connect import file_of, make_engine, parse_url
from tidemill.adapters.sql.migrate import greet
from tidemill.adapters.sql.place import prepare_file
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.store import SqlStore
from tidemill.model.errors import AlreadyThere, StoreError

__all__ = ["Database", "Row", "Writing"]

_PATIENCE_MS = 5_000

Row = Mapping[Any, Any]  # by column name


class Writing:
    """One transaction: all of its statements are written, or none.

    Args:
        connection: that is inside the transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: Executable) -> int:
        """Execute a statement; return how many rows it changed. Raises AlreadyThere, StoreError."""
        return self._execute(statement).rowcount

    def insert(self, statement: Executable) -> int:
        """Execute the insert of one row; return the number it was given. Raises AlreadyThere, StoreError."""
        key = self._execute(statement).inserted_primary_key
        return int(key[0]) if key is not None and isinstance(key[0], int) else 0

    def rows(self, statement: Select[Any]) -> list[Row]:
        """Return the rows of a query inside the transaction. Raises StoreError."""
        return [row._mapping for row in self._execute(statement)]  # noqa: SLF001 - SQLAlchemy's public name for it

    def row(self, statement: Select[Any]) -> Row | None:
        """Return the first row of a query inside the transaction. Raises StoreError."""
        return next(iter(self.rows(statement)), None)

    def _execute(self, statement: Executable) -> CursorResult[Any]:
        try:
            return self._connection.execute(statement)
        except IntegrityError as error:
            raise AlreadyThere(f"That is already there ({error.orig}); nothing was written.") from error
        except SQLAlchemyError as error:
            raise StoreError(f"The database refused ({error}); nothing was written.") from error


class Database:
    """The installation's database, for services of any number of threads.

    Args:
        url: as of ``open_store``; its tables have to be there already.

    Raises:
        ConfigError, PluginError, StoreMismatch, StoreError: as of ``open_store``.
    """

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        self.url = url
        self.file = file_of(parsed)
        if self.file is not None:
            prepare_file(self.file, create=False)
        self._engine = make_engine(parsed, _PATIENCE_MS)
        self._own = threading.local()
        self._turn = threading.Lock()
        self.kind = self._engine.dialect.name
        greet(self._session())

    def _session(self) -> Session:
        session: Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = Session(self._engine)
        return session

    @property
    def store(self) -> SqlStore:
        """Return the durable record on this thread's connection."""
        store: SqlStore | None = getattr(self._own, "store", None)
        if store is None:
            store = self._own.store = SqlStore(self._session())
        return store

    def rows(self, statement: Select[Any]) -> list[Row]:
        """Return the rows of a query, by column name. Raises StoreError."""
        try:
            return [row._mapping for row in self._session().connection.execute(statement)]  # noqa: SLF001 - as above
        except SQLAlchemyError as error:
            raise StoreError(f"The database could not be read ({error}).") from error

    def row(self, statement: Select[Any]) -> Row | None:
        """Return the first row of a query, None when there is none. Raises StoreError."""
        return next(iter(self.rows(statement)), None)

    def ask(self, question: Question, **values: Any) -> list[Row]:
        """Return the rows of a question that is asked all the time, by column name. Raises StoreError."""
        text, names, own = question.text(self.kind)
        said, columns = own | values, question.columns
        found = self._session().read(text, tuple(said[name] for name in names))
        return [dict(zip(columns, row, strict=True)) for row in found]

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """Open a durable transaction; whatever is raised inside undoes all of it.

        Raises:
            AlreadyThere: a unique name or key exists. StoreError: nothing was written, or the text says it is unknown.
        """
        # SQLite takes one writer at a time and makes others poll; within the process they wait in line instead.
        with self._turn, self._session().write():
            yield Writing(self._session().connection)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every read of this thread inside see one moment of the database. Raises StoreError."""
        with self._session().snapshot():
            yield

    def release(self) -> None:
        """Let go of this thread's connection; the next call makes a new one."""
        session: Session | None = getattr(self._own, "session", None)
        if session is not None:
            session.close()
        self._own.session = self._own.store = None
