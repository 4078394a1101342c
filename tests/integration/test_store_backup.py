"""Backups: taken while in use, proven before they are needed, put back in one step."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from journal_rows import order_batch, tape_rows
from tidemill.adapters.sql import open_store
from tidemill.adapters.sql.backup import backup_store, restore_store, verify_backup
from tidemill.adapters.sql.schema import SCHEMA
from tidemill.model.chain import verify_tape
from tidemill.model.errors import ConfigError, LeaseLost, OutputError, PluginError, StoreError, StoreMismatch
from tidemill.model.journal import Batch

pytest_plugins = ["databases"]


@pytest.fixture
def copy(tmp_path) -> Path:
    return tmp_path / "copy.backup"


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def needs_pg_dump(url: str) -> None:
    if url.startswith("postgresql") and (shutil.which("pg_dump") is None or shutil.which("pg_restore") is None):
        pytest.skip("pg_dump is not installed")


def test_a_backup_brings_back_what_was_there_and_an_older_epoch_shows(store_url, copy) -> None:
    needs_pg_dump(store_url)
    rows = tape_rows(4)
    with open_store(store_url) as store:
        store.take_lease("A", "one", 0, 1)
        store.commit(Batch(tape=rows[:2]))
        total = backup_store(store_url, copy)  # while it is in use
        store.commit(Batch(tape=rows[2:]))
        newest = store.take_lease("A", "one", 5, 1).epoch
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert copy.with_name("copy.backup.blake2b").read_text().split() == [total, "copy.backup"]
    restore_store(copy, store_url)
    with open_store(store_url) as store:
        assert store.tape("R") == rows[:2]
        verify_tape(store.tape("R"))
        assert store.epoch("A") == 1 < newest


def test_what_a_restore_replaces_is_kept(sqlite_file, copy) -> None:
    backup_store(url_of(sqlite_file), copy)
    for number in (1, 2):
        with open_store(url_of(sqlite_file)) as store:
            store.commit(Batch(tape=tape_rows(number, run_id=f"R{number}")))
        kept = restore_store(copy, url_of(sqlite_file))
        assert kept is not None and kept.name == f"tidemill.db.replaced-{number}"
        with open_store(url_of(kept)) as store:
            assert len(store.tape(f"R{number}")) == number
        with open_store(url_of(sqlite_file)) as store:
            assert store.tape(f"R{number}") == []


def test_a_damaged_database_is_replaced_with_its_log_kept_beside_it(sqlite_file, copy) -> None:
    backup_store(url_of(sqlite_file), copy)
    sqlite_file.write_bytes(b"\xff" * 8_192)
    Path(f"{sqlite_file}-wal").write_bytes(b"its log")
    kept = restore_store(copy, url_of(sqlite_file))
    assert kept is not None and kept.read_bytes() == b"\xff" * 8_192
    assert Path(f"{kept}-wal").read_bytes() == b"its log"
    with open_store(url_of(sqlite_file)) as store:
        assert store.runs() == []


def test_a_backup_can_start_a_new_place(sqlite_file, copy, tmp_path) -> None:
    with open_store(url_of(sqlite_file)) as store:
        store.commit(order_batch("TM1"))
    backup_store(url_of(sqlite_file), copy)
    elsewhere = tmp_path / "new" / "t.db"
    assert restore_store(copy, url_of(elsewhere)) is None
    with open_store(url_of(elsewhere)) as store:
        assert len(store.intents("R")) == 1
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600


def test_a_database_in_use_is_not_replaced(store_url, copy) -> None:
    needs_pg_dump(store_url)
    backup_store(store_url, copy)
    with open_store(store_url) as store:
        store.commit(Batch(tape=tape_rows(1)))
        with pytest.raises(StoreError, match="in use"):
            restore_store(copy, store_url)
        assert len(store.tape("R")) == 1
        store.commit(Batch(tape=tape_rows(2)[1:]))
        store.check()


def test_an_engine_is_not_pulled_away(sqlite_file, copy) -> None:
    backup_store(url_of(sqlite_file), copy)
    with open_store(url_of(sqlite_file), lock=True), pytest.raises(LeaseLost):
        restore_store(copy, url_of(sqlite_file))


@pytest.mark.parametrize("change", ["flipped", "shorter", "longer", "no checksum", "gone"])
def test_a_backup_that_is_not_the_one_that_was_made_is_refused(sqlite_file, copy, change) -> None:
    backup_store(url_of(sqlite_file), copy)
    assert verify_backup(copy) == SCHEMA
    data = bytearray(copy.read_bytes())
    if change == "flipped":
        data[len(data) // 2] ^= 1
    elif change == "shorter":
        del data[-1]
    elif change == "longer":
        data.append(0)
    copy.write_bytes(data)
    if change == "no checksum":
        copy.with_name("copy.backup.blake2b").unlink()
    elif change == "gone":
        copy.unlink()
    before = sqlite_file.read_bytes()
    with pytest.raises(StoreError, match="take another one"):
        restore_store(copy, url_of(sqlite_file))
    assert sqlite_file.read_bytes() == before


def test_a_backup_of_a_newer_schema_is_refused(sqlite_file, copy) -> None:
    with closing(sqlite3.connect(sqlite_file)) as plain, plain:
        plain.execute("UPDATE alembic_version SET version_num = '9000'")
    backup_store(url_of(sqlite_file), copy)
    with pytest.raises(StoreMismatch, match="9000"):
        restore_store(copy, url_of(sqlite_file))


def test_a_backup_overwrites_nothing(sqlite_file, copy) -> None:
    copy.write_text("mine")
    with pytest.raises(OutputError, match="already there"):
        backup_store(url_of(sqlite_file), copy)
    assert copy.read_text() == "mine"
    with pytest.raises(OutputError, match="cannot be written"):
        backup_store(url_of(sqlite_file), copy / "below")


def test_what_cannot_be_backed_up_says_so(sqlite_file, copy, tmp_path) -> None:
    with pytest.raises(ConfigError, match="in memory"):
        backup_store("sqlite://", copy)
    with pytest.raises(StoreError, match="no database"):
        backup_store(url_of(tmp_path / "nothing.db"), copy)
    sqlite_file.write_bytes(b"\xff" * 9_000)
    with pytest.raises(StoreError, match="no new backup"):
        backup_store(url_of(sqlite_file), copy)
    assert not copy.exists()


def test_a_backup_goes_back_where_it_came_from(sqlite_file, copy) -> None:
    backup_store(url_of(sqlite_file), copy)
    with pytest.raises(ConfigError, match="kind of database"):
        restore_store(copy, "postgresql://nobody@/nothing")


def test_postgresqls_own_programs_are_needed(copy, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PluginError, match="pg_dump is not installed"):
        backup_store("postgresql://nobody@/nothing", copy)
    assert not copy.exists()


KILL = """
import os, shutil, sys
from pathlib import Path
from tidemill.adapters.sql import open_store
from tidemill.adapters.sql.backup import restore_store
backup, original, target = map(Path, sys.argv[1:])
left = -1

def tick(event, _):
    global left
    if left >= 0 and event in {"open", "os.rename", "os.link", "os.remove", "os.chmod", "shutil.copyfile"}:
        left -= 1
        if left < 0:
            os._exit(9)

sys.addaudithook(tick)
for step in range(1, 100):
    target.parent.mkdir()
    shutil.copyfile(original, target)
    child = os.fork()
    if child == 0:
        left = step
        restore_store(backup, "sqlite:///" + str(target))
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open_store("sqlite:///" + str(target)) as store:
        print(len(store.tape("R")), code)
    shutil.rmtree(target.parent)
    if code == 0:
        break
"""


def test_a_restore_killed_at_any_step_leaves_one_whole_database(sqlite_file, copy, tmp_path) -> None:
    backup_store(url_of(sqlite_file), copy)
    with open_store(url_of(sqlite_file)) as store:
        store.commit(Batch(tape=tape_rows(1)))
    target = tmp_path / "killed" / "t.db"
    command = [sys.executable, "-c", KILL, str(copy), str(sqlite_file), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    former, *codes = zip(*(line.split() for line in done.stdout.splitlines()), strict=True)
    assert len(former) > 8
    assert list(former) == sorted(former, reverse=True)  # the former one, then the restored one, never none
    assert {*former} == {"0", "1"}
    assert [*codes[0]] == ["9"] * (len(former) - 1) + ["0"]
