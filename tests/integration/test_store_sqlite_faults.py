"""What may happen to a SQLite file, and that the record survives it or says that it did not."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import stat
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from journal_rows import entry, fill, filled, order_batch, tape_rows
from tidemill.adapters.sql import SqlStore, open_store
from tidemill.model.chain import verify_tape
from tidemill.model.errors import ConfigError, LeaseLost, StoreBusy, StoreError
from tidemill.model.journal import Batch, IntentRow
from tidemill.ports.store import ENGINE

pytest_plugins = ["databases"]

WAL_HEADER, FRAME_HEADER = 32, 24  # bytes, https://www.sqlite.org/fileformat2.html#the_write_ahead_log


def open_file(path: Path, **options: Any) -> SqlStore:
    return open_store(f"sqlite:///{path}", **options)


def commit_number(store, number: int, tape) -> None:
    """Write one turn: its event, its fill, its two ledger entries."""
    at = number - 1
    store.commit(
        Batch(
            tape=[tape[at]],
            fills=[fill(f"x{at}", seq=at)],
            ledger=[entry(f"x{at}|units", "AAPL", "1"), entry(f"x{at}|cash", "USD", "-10")],
        )
    )


def turns_in(store) -> int:
    """Return how many turns a store holds, after making sure that each is whole."""
    tape, fills, balances = store.tape("R"), store.fills("R"), store.balances("A")
    verify_tape(tape)
    assert len(tape) == len(fills)
    assert [row.seq for row in tape] == list(range(1, len(tape) + 1))
    assert balances == ({"AAPL": str(len(tape)), "USD": str(-10 * len(tape))} if tape else {})
    return len(tape)


# --- K3: the write-ahead log is torn


def commits_by_size(wal: bytes) -> list[int]:
    """Return the sizes of a log at which one commit more is complete."""
    page = struct.unpack_from(">I", wal, 8)[0]
    return [
        at + FRAME_HEADER + page
        for at in range(WAL_HEADER, len(wal), FRAME_HEADER + page)
        if struct.unpack_from(">I", wal, at + 4)[0]  # size of the database after a commit, 0 in other frames
    ]


@pytest.fixture(scope="module")
def torn(tmp_path_factory, migrated_sqlite):
    """Return a database of 20 turns whose log was never put away: its file, its log, and where commits end."""
    path = tmp_path_factory.mktemp("torn") / "t.db"
    shutil.copyfile(migrated_sqlite, path)
    tape = tape_rows(20)
    with open_file(path) as store:
        for number in range(1, 21):
            commit_number(store, number, tape)
        wal = Path(f"{path}-wal").read_bytes()
        base = path.read_bytes()
    sizes = commits_by_size(wal)
    assert len(sizes) == 20
    return base, wal, sizes


def reopened(tmp_path, base: bytes, wal: bytes) -> int:
    path = tmp_path / "copy.db"
    path.write_bytes(base)
    Path(f"{path}-wal").write_bytes(wal)
    Path(f"{path}-shm").unlink(missing_ok=True)
    with open_file(path) as store:
        turns = turns_in(store)
        store.commit(Batch(fills=[fill("afterwards", run_id="later")]))
    return turns


def test_a_log_cut_at_any_frame_gives_the_last_whole_commit(torn, tmp_path) -> None:
    base, wal, sizes = torn
    page = struct.unpack_from(">I", wal, 8)[0]
    frames = range(WAL_HEADER, len(wal) + 1, FRAME_HEADER + page)
    for size in (0, *frames):
        assert reopened(tmp_path, base, wal[:size]) == sum(end <= size for end in sizes), size


def test_a_log_cut_at_any_byte_gives_the_last_whole_commit(torn, tmp_path) -> None:
    base, wal, sizes = torn
    chance = random.Random(7)
    for size in sorted(chance.randrange(len(wal)) for _ in range(60)):
        assert reopened(tmp_path, base, wal[:size]) == sum(end <= size for end in sizes), size


def test_a_log_with_a_damaged_byte_gives_what_was_whole_before_it(torn, tmp_path) -> None:
    base, wal, sizes = torn
    page = struct.unpack_from(">I", wal, 8)[0]
    chance = random.Random(11)
    for at in sorted(chance.randrange(WAL_HEADER, len(wal)) for _ in range(40)):
        frame = (at - WAL_HEADER) // (FRAME_HEADER + page) * (FRAME_HEADER + page) + WAL_HEADER
        damaged = bytearray(wal)
        damaged[at] ^= 0x40
        assert reopened(tmp_path, base, bytes(damaged)) == sum(end <= frame for end in sizes), at


# --- K4, K6, K1: damaged, locked, full


def test_a_damaged_page_is_noticed_before_anything_is_handed_out(sqlite_file) -> None:
    with open_file(sqlite_file) as store:
        for number, row in enumerate(tape_rows(300), 1):
            store.commit(Batch(tape=[row], fills=[fill(f"x{number}")]))
    whole = sqlite_file.read_bytes()
    page = struct.unpack_from(">H", whole, 16)[0]
    with closing(sqlite3.connect(sqlite_file)) as plain:
        root = plain.execute("SELECT rootpage FROM sqlite_master WHERE name = 'fills'").fetchone()[0]
    at = (root - 1) * page
    sqlite_file.write_bytes(whole[:at] + b"\xff" * page + whole[at + page :])
    with pytest.raises(StoreError, match="restore a backup"):
        open_file(sqlite_file)
    sqlite_file.write_bytes(b"no database at all, " * 500)
    with pytest.raises(StoreError, match="restore a backup"):
        open_file(sqlite_file)
    sqlite_file.write_bytes(whole)
    open_file(sqlite_file).close()


def test_damage_that_happens_later_is_found_by_a_check(sqlite_file) -> None:
    with open_file(sqlite_file) as store:
        store.commit(Batch(tape=tape_rows(200)))
        store.check()
    with closing(sqlite3.connect(sqlite_file)) as plain:
        root = plain.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tape_seq'").fetchone()[0]
    page = struct.unpack_from(">H", sqlite_file.read_bytes(), 16)[0]
    with open_file(sqlite_file, verify=False) as store:
        with sqlite_file.open("r+b") as file:
            file.seek((root - 1) * page)
            file.write(b"\xff" * page)
        with pytest.raises(StoreError, match="restore a backup"):
            store.check()


def test_a_locked_database_is_waited_for_and_then_refused(sqlite_file) -> None:
    with open_file(sqlite_file, patience_ms=30) as store, closing(sqlite3.connect(sqlite_file)) as shell:
        shell.isolation_level = None
        shell.execute("BEGIN IMMEDIATE")
        for write in (
            lambda: store.commit(Batch(tape=tape_rows(1))),
            lambda: store.take_lease("A", "us", 0, 1),
            lambda: store.heartbeat("engine", 1, ""),
        ):
            with pytest.raises(StoreBusy, match=r"locked.*nothing was written"):
                write()
        assert store.tape("R") == []  # reading goes on
        shell.execute("ROLLBACK")
        store.commit(Batch(tape=tape_rows(1)))
        assert len(store.tape("R")) == 1


UNTIL_FULL = """
import resource, sys
sys.path[:0] = sys.argv[2:]
from journal_rows import fill
from tidemill.adapters.sql import open_store
from tidemill.model.chain import chain
from tidemill.model.errors import StoreError
from tidemill.model.journal import Batch, TapeRow
store = open_store("sqlite:///" + sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
row, seq = None, 0
while True:
    seq += 1
    row = chain(TapeRow("R", seq, 1, 1, "s", "k", "", bytes(3_000)), row.hash if row else "")
    try:
        store.commit(Batch(tape=[row], fills=[fill(f"x{seq}", seq=seq)]))
    except StoreError as error:
        print(seq, error)
        break
print(len(store.tape("R")))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.commit(Batch(tape=[row], fills=[fill(f"x{seq}", seq=seq)]))
print(len(store.tape("R")))
"""


def test_a_full_disk_stops_writing_and_loses_nothing(sqlite_file) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_FULL, str(sqlite_file), str(Path(__file__).parents[1])],
        capture_output=True,
        text=True,
        check=True,
    )
    said, left, with_room = done.stdout.splitlines()
    failed_at = int(said.split()[0])
    assert failed_at > 10
    assert "The database: the disk" in said and "re-read by key" in said
    assert (int(left), int(with_room)) == (failed_at - 1, failed_at)
    with open_file(sqlite_file) as store:
        rows = store.tape("R")
        verify_tape(rows)
        assert len(rows) == len(store.fills("R")) == failed_at


# --- P1: killed at any instant

WRITE_ON = """
import sys
sys.path[:0] = sys.argv[2:]
from journal_rows import entry, fill
from tidemill.adapters.sql import open_store
from tidemill.model.chain import chain
from tidemill.model.journal import Batch, TapeRow
store = open_store("sqlite:///" + sys.argv[1])
last = store.last_tape("R")
seq, prev = (last.seq, last.hash) if last else (0, "")
while True:
    at, seq = seq, seq + 1
    row = chain(TapeRow("R", seq, 1, 1, "s", "k", "", b""), prev)
    prev = row.hash
    store.commit(Batch(tape=[row], fills=[fill(f"x{at}", seq=at)],
        ledger=[entry(f"x{at}|units", "AAPL", "1"), entry(f"x{at}|cash", "USD", "-10")]))
    print(seq, flush=True)
"""


def test_what_was_confirmed_before_a_kill_is_there_after_it(sqlite_file) -> None:
    command = [sys.executable, "-c", WRITE_ON, str(sqlite_file), str(Path(__file__).parents[1])]
    for lines in (7, 23):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            confirmed = [int(writer.stdout.readline()) for _ in range(lines)][-1]
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
        confirmed = int(rest[-1]) if rest and rest[-1].isdigit() else confirmed
        with open_file(sqlite_file) as store:
            assert turns_in(store) in {confirmed, confirmed + 1}


# --- the place


def test_only_the_owner_may_read_the_files(tmp_path) -> None:
    path = tmp_path / "deep" / "er" / "t.db"
    with open_file(path, migrate=True, lock=True) as store:
        store.commit(Batch(tape=tape_rows(1)))
        parts = sorted(item.name for item in path.parent.iterdir())
        assert parts == ["t.db", "t.db-shm", "t.db-wal", "t.db.lock"]
        assert {stat.S_IMODE(item.stat().st_mode) for item in path.parent.iterdir()} == {0o600}
    path.chmod(0o644)
    open_file(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_safety_is_switched_on(sqlite_file) -> None:
    with open_file(sqlite_file) as store:
        settings = {
            name: store._session.read(f"PRAGMA {name}")[0][0]  # noqa: SLF001 - no reader shows them
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "fullfsync", "trusted_schema")
        }
    full = 2  # https://www.sqlite.org/pragma.html#pragma_synchronous
    assert settings == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 5_000,
        "fullfsync": 1,
        "trusted_schema": 0,
    }


def test_a_database_that_is_not_there_is_not_made_by_mistake(tmp_path) -> None:
    with pytest.raises(StoreError, match="There is no database"):
        open_file(tmp_path / "typo.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be used"):
        open_file(tmp_path / "file" / "t.db", migrate=True)


def test_one_engine_owns_a_file_and_others_may_look(sqlite_file) -> None:
    first = open_file(sqlite_file, lock=True)
    with pytest.raises(LeaseLost, match="Another Tidemill engine"):
        open_file(sqlite_file, lock=True)
    open_file(sqlite_file).close()
    first.close()
    open_file(sqlite_file, lock=True).close()


def test_whoever_has_the_lock_of_an_account_takes_the_lease_of_an_engine_that_ended(sqlite_file) -> None:
    with open_file(sqlite_file) as dead:
        for account in ("A", "B"):
            dead.take_lease(account, f"{ENGINE}host:1:word", 0, 10**9)
        dead.take_lease("C", "watchdog", 0, 10**9)
    with open_file(sqlite_file) as plain, pytest.raises(LeaseLost):
        plain.take_lease("A", f"{ENGINE}host:2:word", 1, 10**9)
    with open_file(sqlite_file, lock="A") as store:
        assert store.take_lease("A", f"{ENGINE}host:2:word", 1, 10**9).epoch == 2
        with pytest.raises(LeaseLost):
            store.take_lease("B", f"{ENGINE}host:2:word", 1, 10**9)
    with open_file(sqlite_file, lock="C") as store, pytest.raises(LeaseLost):
        store.take_lease("C", f"{ENGINE}host:2:word", 1, 10**9)  # the watchdog needs no lock: it may live


def test_a_lock_does_not_outlive_a_refused_database(sqlite_file) -> None:
    with closing(sqlite3.connect(sqlite_file)) as plain, plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
    for _ in range(2):
        with pytest.raises(StoreError, match="schema 9999"):
            open_file(sqlite_file, lock=True)


def test_a_database_in_memory_works_until_it_is_closed() -> None:
    with open_store("sqlite://", migrate=True) as store:
        lease = store.take_lease("A", "us", 0, 1)
        store.commit(order_batch("TM1", epoch=lease.epoch))
        assert store.intents("R") == [filled(IntentRow, client_id="TM1", run_id="R", seq=1)]
        assert store.claim("TM1:submit:0", "A", lease.epoch, 2)


@pytest.mark.parametrize("url", ["mysql://host/db", "no address", "oracle://x"])
def test_another_kind_of_database_is_refused_in_words(url) -> None:
    with pytest.raises(ConfigError):
        open_store(url)
