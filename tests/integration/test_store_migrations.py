"""Which databases a build opens, and how an older one becomes its own: whole or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from journal_rows import order_batch, run_row
from tidemill.adapters.sql import open_store
from tidemill.adapters.sql.connect import make_engine, parse_url
from tidemill.adapters.sql.migrate import schema_of, upgrade
from tidemill.adapters.sql.schema import SCHEMA, table_names
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.tables import METADATA
from tidemill.model.errors import StoreError, StoreMismatch

pytest_plugins = ["databases"]

FOREIGN = {"alembic_version", "sqlite_sequence"}  # Alembic's and SQLite's own
SECOND = "0002"  # a released schema


def session_on(url: str) -> closing[Session]:
    return closing(Session(make_engine(parse_url(url), 5_000)))


def execute(url: str, *statements: str) -> None:
    with session_on(url) as session, session.write() as cursor:
        for statement in statements:
            cursor.execute(statement)


def tables_of(path: Path) -> dict[str, str]:
    """Return the text of every table and index of a SQLite file, columns and constraints without layout."""
    with closing(sqlite3.connect(path)) as plain:
        rows = plain.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(text.split()) for name, text in rows if name not in FOREIGN}


def test_migrations_make_exactly_the_tables_of_this_build_in_sqlite(tmp_path, migrated_sqlite) -> None:
    path = tmp_path / "direct.db"
    METADATA.create_all(create_engine(f"sqlite:///{path}", poolclass=NullPool))
    assert tables_of(migrated_sqlite) == tables_of(path)
    assert all(text.endswith("STRICT") for text in tables_of(path).values() if text.startswith("CREATE TABLE"))


def test_migrations_make_exactly_the_tables_of_this_build(empty_url) -> None:
    open_store(empty_url, migrate=True).close()
    with make_engine(parse_url(empty_url), 5_000).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert {*inspect(connection).get_table_names()} == {*table_names(), "alembic_version"}


def test_an_empty_database_is_filled_only_when_asked(empty_url) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    with pytest.raises(StoreMismatch, match=f"schema none.*needs {SCHEMA}"):
        open_store(empty_url)
    open_store(empty_url, migrate=True).close()
    open_store(empty_url).close()


def test_an_older_database_keeps_its_rows(empty_url) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    with session_on(empty_url) as session:
        upgrade(session, SECOND)
        assert schema_of(session) == SECOND
    run = run_row()
    with session_on(empty_url) as session, session.write() as cursor:
        mark = "?" if session.database == "sqlite" else "%s"
        cursor.execute(
            f"INSERT INTO runs VALUES ({', '.join([mark] * 12)})", [getattr(run, name) for name in run.__slots__]
        )
    with pytest.raises(StoreMismatch, match=f"schema {SECOND}.*take a backup"):
        open_store(empty_url)
    with open_store(empty_url, migrate=True) as store:
        assert store.runs() == [run]
        store.commit(order_batch("TM1"))
    with open_store(empty_url, migrate=True) as store:  # nothing left to do
        assert len(store.tape("R")) == 1


@pytest.mark.parametrize("migrate", [False, True])
def test_a_newer_database_is_refused(store_url, migrate) -> None:
    execute(store_url, "UPDATE alembic_version SET version_num = '9000'")
    try:
        with pytest.raises(StoreMismatch, match=r"schema 9000.*use the newer Tidemill"):
            open_store(store_url, migrate=migrate)
    finally:
        execute(store_url, f"UPDATE alembic_version SET version_num = '{SCHEMA}'")


def test_a_build_with_other_tables_under_the_same_number_is_refused(store_url) -> None:
    with session_on(store_url) as session:
        shape = session.read("SELECT value FROM meta WHERE name = 'shape'")[0][0]
    execute(store_url, "UPDATE meta SET value = 'other' WHERE name = 'shape'")
    try:
        with pytest.raises(StoreMismatch, match="with other tables"):
            open_store(store_url, migrate=True)
    finally:
        execute(store_url, f"UPDATE meta SET value = '{shape}' WHERE name = 'shape'")
    open_store(store_url).close()


@pytest.mark.parametrize("migrate", [False, True])
def test_somebody_elses_database_is_left_alone(empty_url, migrate) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    execute(empty_url, "CREATE TABLE customers (name TEXT)")
    with pytest.raises(StoreMismatch, match="other tables than Tidemill's"):
        open_store(empty_url, migrate=migrate)
    with session_on(empty_url) as session:
        assert session.read("SELECT count(*) FROM customers") == [(0,)]


KILL = """
import os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tidemill.adapters.sql import open_store
from tidemill.adapters.sql.connect import make_engine, parse_url
from tidemill.adapters.sql.migrate import schema_of, upgrade
from tidemill.adapters.sql.session import Session
url, step = sys.argv[1], int(sys.argv[2])

def state():
    session = Session(make_engine(parse_url(url), 5000))
    found = schema_of(session)
    names = session.read("SELECT name FROM sqlite_master" if session.database == "sqlite"
                         else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    session.close()
    return found, sorted(names)

before = state()
count = step // 2
while True:
    child = os.fork()
    if child == 0:
        left = [count]
        @event.listens_for(Engine, "after_cursor_execute")
        def tick(*_):
            left[0] -= 1
            if left[0] <= 0:
                os._exit(9)
        session = Session(make_engine(parse_url(url), 5000))
        upgrade(session)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
    after = state()
    assert after == before, (count, before, after)
    print(count)
    count += step
open_store(url).close()
"""


@pytest.mark.parametrize("first", ["", SECOND], ids=["from nothing", "from an older schema"])
def test_a_migration_killed_at_any_statement_can_be_done_again(empty_url, first) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    if first:
        with session_on(empty_url) as session:
            upgrade(session, first)
    step = "5" if first else "12"
    done = subprocess.run([sys.executable, "-c", KILL, empty_url, step], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= 3


def test_two_who_migrate_at_once_take_turns(empty_url) -> None:
    code = "import sys; from tidemill.adapters.sql import open_store; open_store(sys.argv[1], migrate=True).close()"
    both = [subprocess.Popen([sys.executable, "-c", code, empty_url], stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in both] == [(b"", 0), (b"", 0)]
    open_store(empty_url).close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path, monkeypatch) -> None:
    path = tmp_path / "t.db"
    path.touch()
    url = f"sqlite:///{path}"
    with session_on(url) as session:
        upgrade(session, SECOND)
    execute(url, "CREATE TABLE signals (x)")  # in the way of the next step
    with pytest.raises(StoreError, match=r"already exists.*it is as it was"):
        open_store(url, migrate=True)
    with session_on(url) as session:
        assert schema_of(session) == SECOND
        assert session.read("SELECT count(*) FROM sqlite_master WHERE name = 'positions'") == [(0,)]
