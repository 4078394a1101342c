"""Connections that keep their promises: what is committed is on the disk, and nobody waits for ever."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from tidemill.model.errors import ConfigError, PluginError, StoreError

__all__ = ["file_of", "make_engine", "parse_url"]

_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
# Cached statements of one connection: all of ours.
_STATEMENTS = 256
_CONNECT_TIMEOUT_S = 5
# A dead network is noticed within this time, not after the two hours of the default.
_UNANSWERED_MS = 10_000


def parse_url(url: str) -> URL:
    """Return a database's address with the driver we use.

    Raises:
        ConfigError: it is neither a SQLite nor a PostgreSQL address.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "The database address cannot be read; write sqlite:///path/to/file.db or postgresql://user@host/name."
        ) from error
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise ConfigError(f"{parsed.get_backend_name()} is no database Tidemill can use; take SQLite or PostgreSQL.")
    return parsed.set(drivername=driver)


def file_of(url: URL) -> Path | None:
    """Return the absolute path of a SQLite file; None for PostgreSQL and for a database in memory."""
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    return Path(str(url.database)).expanduser().resolve()


def make_engine(url: URL, patience_ms: int) -> Engine:
    """Return the maker of connections.

    Args:
        url: of ``parse_url``.
        patience_ms: how long a statement waits for a lock; on PostgreSQL it may run for twice as long.

    Raises:
        PluginError: the driver of PostgreSQL is not installed. StoreError: SQLite is too old.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, patience_ms)
    try:
        return _postgres_engine(url, patience_ms)
    except ModuleNotFoundError as error:
        raise PluginError("PostgreSQL needs its driver; install tidemill[postgres].") from error


def _sqlite_engine(url: URL, patience_ms: int) -> Engine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old; use a Python that brings 3.37 or newer.")
    path = file_of(url)
    engine = create_engine(
        url if path is None else url.set(database=str(path)),
        poolclass=NullPool,
        hide_parameters=True,  # what people wrote has no place in an error
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": patience_ms / 1000, "cached_statements": _STATEMENTS},
    )
    in_memory = path is None

    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        """Switch every safety on; https://www.sqlite.org/pragma.html tells what each does."""
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal" and not in_memory:
            raise StoreError(f"{path}: SQLite cannot keep a write-ahead log here; put the database on a local disk.")
        for setting in (
            "synchronous=FULL",  # a commit waits for the disk
            "fullfsync=ON",  # macOS: and for the disk's own memory
            "checkpoint_fullfsync=ON",
            "foreign_keys=ON",
            "cell_size_check=ON",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {setting}")

    event.listen(engine, "connect", prepare)
    return engine


def _postgres_engine(url: URL, patience_ms: int) -> Engine:
    settings = {
        "synchronous_commit": "on",
        "statement_timeout": 2 * patience_ms,  # a lock is the better explanation, so it is given up first
        "lock_timeout": patience_ms,
        "idle_in_transaction_session_timeout": 2 * patience_ms,
        "timezone": "UTC",
    }
    own = " ".join(f"-c {name}={value}" for name, value in settings.items())
    given = url.query.get("options", "")
    engine = create_engine(
        url.difference_update_query(["options"]),
        poolclass=NullPool,
        hide_parameters=True,  # what people wrote has no place in an error
        isolation_level="AUTOCOMMIT",
        connect_args={
            "options": f"{given if isinstance(given, str) else ' '.join(given)} {own}".strip(),
            "application_name": "tidemill",
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "keepalives_idle": _CONNECT_TIMEOUT_S,
            "tcp_user_timeout": _UNANSWERED_MS,
        },
    )

    def inspect(connection: Any, _: Any) -> None:
        """Refuse a server that may forget what it confirmed, or that is only a copy."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery()::text"
            )
            fsync, full_pages, is_copy = cursor.fetchone()
        if (fsync, full_pages) != ("on", "on"):
            raise StoreError("PostgreSQL runs without fsync or full_page_writes; switch both on, or money can be lost.")
        if is_copy == "true":
            raise StoreError("This PostgreSQL server is a standby; give the address of the primary.")

    event.listen(engine, "connect", inspect)
    return engine
