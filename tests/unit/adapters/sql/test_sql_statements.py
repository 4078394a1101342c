from __future__ import annotations

import pytest
from sqlalchemy import bindparam, select

from tidemill.adapters.sql.connect import file_of, parse_url
from tidemill.adapters.sql.read_tables import READ_TABLES, key_of
from tidemill.adapters.sql.reads import names_of
from tidemill.adapters.sql.schema import table_names, table_shape
from tidemill.adapters.sql.statements import insert_sql, select_sql, text_of
from tidemill.adapters.sql.tables import JOURNAL, OUTBOX, RUNS
from tidemill.model.errors import InvariantBroken
from tidemill.model.journal import Batch


def test_every_list_of_a_batch_has_a_table_with_its_fields_as_columns() -> None:
    lists = set(Batch.__slots__) - {"account", "answers", "epoch", "projections"}
    assert set(JOURNAL) == lists
    for table, row in JOURNAL.values():
        columns = [column.name for column in table.columns]
        assert [name for name in columns if name in names_of(row)] == list(names_of(row))
        assert set(columns) - set(names_of(row)) <= {"number"}


def test_read_tables_are_keyed_by_run_first() -> None:
    assert {key_of(table)[0] for table in READ_TABLES.values()} == {"run_id"}
    assert set(READ_TABLES) <= set(table_names())


def test_the_fingerprint_of_the_tables_is_the_released_one() -> None:
    # When this fails, the tables have changed: write a migration, raise SCHEMA, then write the new value here.
    assert table_shape() == "2518f7d875d8fabffa4a5a6833a49efe"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_only_a_request_is_kept_from_going_back(database) -> None:
    names = names_of(JOURNAL["outbox"][1])
    assert "WHERE excluded.state != 'PENDING' OR outbox.state = 'PENDING'" in " ".join(
        insert_sql(database, OUTBOX, names, ("key",), "replace").split()
    )
    runs = insert_sql(database, RUNS, names_of(JOURNAL["runs"][1]), ("run_id",), "replace")
    assert "WHERE" not in runs and "DO UPDATE SET" in runs


def test_placeholders_are_in_the_order_of_their_values() -> None:
    text = select_sql("sqlite", OUTBOX, ("key",), where=("run_id", "state*2"), order=("-number",), limit=3)
    assert " ".join(text.split()) == (
        'SELECT outbox."key" FROM outbox WHERE outbox.run_id = ? AND outbox.state IN (?, ?) '
        "ORDER BY outbox.number DESC LIMIT 3 OFFSET 0"
    )
    swapped = select(OUTBOX.c.key).where(OUTBOX.c.state == bindparam("a"), OUTBOX.c.run_id == bindparam("b"))
    with pytest.raises(InvariantBroken, match="is given"):
        text_of(swapped, "sqlite", ("b", "a"))


@pytest.mark.parametrize(
    ("url", "driver", "name"),
    [
        ("sqlite:////var/t.db", "sqlite+pysqlite", "/var/t.db"),
        ("sqlite://", "sqlite+pysqlite", None),
        ("sqlite:///:memory:", "sqlite+pysqlite", None),
        ("postgres://u@h/d", "postgresql+psycopg", None),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg", None),
    ],
)
def test_addresses_are_read(url, driver, name) -> None:
    parsed = parse_url(url)
    path = file_of(parsed)
    assert (parsed.drivername, str(path) if path else None) == (driver, name)
