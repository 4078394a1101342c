"""Opening the durable record: only what is whole, ours and of this build is ever handed out."""

from __future__ import annotations

from contextlib import ExitStack

from tidemill.adapters.sql.connect import file_of, make_engine, parse_url
from tidemill.adapters.sql.migrate import greet, upgrade
from tidemill.adapters.sql.place import ProcessLock, prepare_file
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.store import SqlStore, verify_pages

__all__ = ["open_store"]

_PATIENCE_MS = 5_000


def open_store(
    url: str,
    *,
    migrate: bool = False,
    lock: bool | str = False,
    verify: bool = True,
    patience_ms: int = _PATIENCE_MS,
    relaxed: bool = False,
) -> SqlStore:
    """Open a durable record; it belongs to the thread that calls.

    Args:
        url: ``sqlite:///path/to/file.db`` (one more slash for an absolute path), ``sqlite://`` for one in memory that
            ends with the store, or ``postgresql://user:password@host/name``.
        migrate: create the tables, or bring an older database up to date; take a backup before.
        lock: take the file for one engine, until the store is closed or the process dies; an account's name takes it
            for that account's engine only. PostgreSQL needs none, there the lease alone decides.
        verify: read every page of a SQLite file first.
        patience_ms: how long a statement waits for somebody else's lock.
        relaxed: commits return before the disk has them, see ``Session.relax``; never of an engine.

    Raises:
        ConfigError, PluginError: the address cannot be used, or its driver is not installed.
        LeaseLost: another engine has taken the file.
        StoreMismatch: the database is newer or older than this build, of another build, or not Tidemill's.
        StoreError: it is not there, damaged, locked, on a network file system, or the server may forget commits.
    """
    parsed = parse_url(url)
    path = file_of(parsed)
    with ExitStack() as opened:
        held = None
        if path is not None:
            prepare_file(path, create=migrate)
            held = ProcessLock(path, lock if isinstance(lock, str) else "") if lock else None
        if held is not None:
            opened.callback(held.close)
        session = Session(make_engine(parsed, patience_ms))
        opened.callback(session.close)
        if verify:
            verify_pages(session)
        if migrate:
            upgrade(session)
        greet(session)
        if relaxed:
            session.relax()
        opened.pop_all()
    return SqlStore(session, held)
