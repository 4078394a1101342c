"""What a server adds to the dangers: lost connections, commits nobody confirmed, settings that forget."""

from __future__ import annotations

import sys
from contextlib import closing

import psycopg
import pytest

from journal_rows import order_batch, tape_rows
from tidemill.adapters.sql import open_store
from tidemill.adapters.sql.connect import make_engine, parse_url
from tidemill.adapters.sql.leases import check_epoch
from tidemill.adapters.sql.session import Session
from tidemill.model.errors import PluginError, StoreError
from tidemill.model.journal import Batch

pytest_plugins = ["databases"]


@pytest.fixture
def shell(postgres_url):
    with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
        yield connection


@pytest.fixture
def session(postgres_url):
    with closing(Session(make_engine(parse_url(postgres_url), 300))) as opened:
        yield opened


def end(shell, session) -> None:
    """Cut a session's connection from the server's side."""
    pid = session.connection.connection.driver_connection.info.backend_pid
    shell.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def test_a_commit_nobody_confirmed_is_unknown(shell, session) -> None:
    def write() -> None:
        with session.write() as cursor:
            cursor.execute("INSERT INTO heartbeats VALUES ('engine', 1, '')")
            end(shell, session)

    with pytest.raises(StoreError, match=r"unknown whether.*re-read by key"):
        write()
    assert session.read("SELECT count(*) FROM heartbeats") == [(0,)]  # on a connection made anew


def test_a_connection_lost_before_the_commit_wrote_nothing(shell, session) -> None:
    def write() -> None:
        with session.write() as cursor:
            cursor.execute("INSERT INTO heartbeats VALUES ('engine', 1, '')")
            end(shell, session)
            cursor.execute("INSERT INTO heartbeats VALUES ('watchdog', 1, '')")

    with pytest.raises(StoreError, match=r"connection to the database is lost.*nothing was written"):
        write()
    end(shell, session)
    with pytest.raises(StoreError, match="nothing was read"):
        session.read("SELECT 1")
    assert session.read("SELECT count(*) FROM heartbeats") == [(0,)]


def test_a_store_goes_on_after_its_connection_was_lost(postgres_url, shell) -> None:
    with open_store(postgres_url) as store:
        store.commit(order_batch("TM1"))
        shell.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'tidemill'"
        )
        with pytest.raises(StoreError, match="nothing was written"):
            store.commit(order_batch("TM2", seq=2))
        store.commit(order_batch("TM2", seq=2))
        assert [row.client_id for row in store.outbox("R")] == ["TM1", "TM2"]


def test_nobody_takes_a_lease_while_its_owner_commits(postgres_url, session) -> None:
    with open_store(postgres_url, patience_ms=300) as other:
        lease = other.take_lease("A", "one", 0, 1)
        with session.write() as cursor:
            check_epoch(cursor, "postgresql", "A", lease.epoch)
            with pytest.raises(StoreError, match=r"holds a lock.*nothing was written"):
                other.take_lease("A", "two", 10, 1)
        assert other.take_lease("A", "two", 10, 1).epoch == lease.epoch + 1


def test_the_connection_is_set_for_money(session) -> None:
    names = ("synchronous_commit", "statement_timeout", "lock_timeout", "timezone", "application_name")
    found = [session.read(f"SELECT current_setting('{name}')")[0][0] for name in names]
    assert found == ["on", "600ms", "300ms", "UTC", "tidemill"]
    with pytest.raises(StoreError, match="did not answer in time"):
        session.read("SELECT pg_sleep(5)")
    assert session.read("SELECT 1") == [(1,)]


def test_a_text_postgresql_cannot_hold_is_refused_whole(postgres_url) -> None:
    with open_store(postgres_url) as store:
        batch = order_batch("TM1")
        batch.intents[0].symbol = "A\0B"
        with pytest.raises(StoreError, match=r"cannot be stored.*nothing was written"):
            store.commit(batch)
        assert store.tape("R") == []


def test_a_server_that_may_forget_commits_is_refused(postgres_url, shell) -> None:
    with open_store(postgres_url) as store:
        store.commit(Batch(tape=tape_rows(1)))
    for setting in ("fsync", "full_page_writes"):
        shell.execute(f"ALTER SYSTEM SET {setting} = off")
        shell.execute("SELECT pg_reload_conf()")
        try:
            until(shell, setting, "off")
            with pytest.raises(StoreError, match="switch both on"):
                open_store(postgres_url)
        finally:
            shell.execute(f"ALTER SYSTEM RESET {setting}")
            shell.execute("SELECT pg_reload_conf()")
            until(shell, setting, "on")
    open_store(postgres_url).close()


def until(shell, setting: str, value: str) -> None:
    """Wait until the server has read its settings again; a connection sees it with its next statement."""
    for _ in range(10_000):
        if shell.execute(f"SHOW {setting}").fetchone()[0] == value:
            return
    pytest.fail(f"{setting} never became {value}")


def test_a_server_that_is_not_there_is_named_as_such(postgres_url) -> None:
    host = postgres_url.partition("host=")[2]
    with pytest.raises(StoreError, match="connection to the database is lost"):
        open_store(f"postgresql://nobody@/nothing?host={host}/none")


def test_without_its_driver_postgresql_is_refused_in_words(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(PluginError, match=r"install tidemill\[postgres\]"):
        open_store("postgresql://nobody@/nothing")
