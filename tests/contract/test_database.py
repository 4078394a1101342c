"""What services demand of the database: reads of one moment, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from tidemill.adapters.sql.connect import make_engine, parse_url
from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import LOGIN_THROTTLE
from tidemill.adapters.sql.session import Session
from tidemill.model.errors import StoreError

pytest_plugins = ["databases"]


def keys(database: Database) -> list[str]:
    return sorted(row["key"] for row in database.rows(select(LOGIN_THROTTLE.c.key)))


def add(database: Database, key: str) -> None:
    columns = {column.name: 0 for column in LOGIN_THROTTLE.columns if column.name != "key"}
    with database.write() as writing:
        writing.run(insert(LOGIN_THROTTLE).values(key=key, **columns))


def test_reads_of_a_snapshot_see_one_moment_and_later_ones_the_next(store_url: str) -> None:
    reader, writer = Database(store_url), Database(store_url)
    add(writer, "before")
    with reader.snapshot():
        assert keys(reader) == ["before"]
        add(writer, "meanwhile")
        assert keys(reader) == ["before"]
    assert keys(reader) == ["before", "meanwhile"]
    add(reader, "after")  # the connection writes again
    assert keys(writer) == ["after", "before", "meanwhile"]
    reader.release()
    writer.release()


def test_what_is_raised_inside_ends_the_snapshot(store_url: str) -> None:
    database = Database(store_url)
    with pytest.raises(ZeroDivisionError), database.snapshot():
        raise ZeroDivisionError
    add(database, "after")
    assert keys(database) == ["after"]
    database.release()


def test_a_connection_lost_inside_a_snapshot_is_told_in_a_sentence(postgres_url: str) -> None:
    engine = make_engine(parse_url(postgres_url), 1_000)
    session, other = Session(engine), Session(engine)
    ((number,),) = session.read("SELECT pg_backend_pid()")

    def look() -> None:
        with session.snapshot():
            other.read("SELECT pg_terminate_backend(%s, 5000)", (number,))
            session.read("SELECT 1")

    with pytest.raises(StoreError, match="nothing was read"):
        look()
    assert session.read("SELECT 1") == [(1,)]  # on a new connection
    session.close()
    other.close()
