"""Where simulated disks lie: in memory where there is a place for it, and gone with the process."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from tidemill.adapters.sql.connect import make_engine, parse_url
from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.store import SqlStore
from tidemill.model.errors import InvariantBroken

__all__ = ["copy_of_template", "room", "template"]

_PATIENCE_MS = 5_000
_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it


@cache
def room() -> str:
    """Return this process's folder for simulated disks."""
    base = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="tidemill-sim-", dir=base)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def template() -> Path:
    """Return an empty database that is up to date; made once."""
    path = Path(room(), "template.db")
    open_store(f"sqlite:///{path}", migrate=True, verify=False).close()
    return path


@cache
def _lasting() -> sqlite3.Connection:
    """Return a connection to the template, from which copies are made."""
    return sqlite3.connect(template())


def copy_of_template() -> SqlStore:
    """Return a store on a fresh copy of the template, in memory alone: it waits for no disk.

    A simulated day ends its processes and tears its tapes itself; the machine below it stays on. The processes of a day
    share one connection, so nobody needs a file to find the record.
    """
    session = Session(make_engine(parse_url("sqlite://"), _PATIENCE_MS))
    driver = session.connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise InvariantBroken("The record of a simulated day is a database of SQLite.")
    _lasting().backup(driver)
    return SqlStore(session)
