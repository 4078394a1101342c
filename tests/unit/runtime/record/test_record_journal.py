"""The journal: all of a turn or nothing, chained, and the same calls compare instead of writing when fed again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live_scene import WorldClock
from tidemill.adapters.sql.opening import open_store
from tidemill.model.chain import verify_tape
from tidemill.model.errors import LeaseLost, StoreError, TapeBroken
from tidemill.model.journal import OutboxRow
from tidemill.model.records import EVENT
from tidemill.runtime.record.journal import Journal, Recorded
from tidemill.runtime.record.tape import TapeFile, read_tape
from tidemill.runtime.record.writer import InlineWriter


def journal(folder: Path, store: Any, recorded: Recorded | None = None) -> Journal:
    known = recorded or Recorded()
    file = TapeFile(folder, known.end.next_seq)
    return Journal("R", "A", store=store, file=file, writer=InlineWriter(), clock=WorldClock(), recorded=known)


def event(close: float) -> Any:
    row = np.zeros(1, EVENT)
    row["kind"], row["close"] = 3, close
    return row


def append(book: Journal, close: float) -> int:
    row = event(close)
    return book.append(int(row.ctypes.data))


@pytest.fixture
def store() -> Any:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


def test_what_is_committed_is_on_both_tapes_and_the_chain_holds(tmp_path: Path, store: Any) -> None:
    book = journal(tmp_path, store)
    for number in range(1, 6):
        assert append(book, number) == number
        book.note(number, "test", "X", f"k{number}", b"body")
        if number % 2:
            asyncio.run(book.commit())
    rows, end = read_tape(tmp_path)
    assert len(rows) == 5
    tape = store.tape("R")
    verify_tape(tape)
    assert [row.seq for row in tape] == [1, 2, 3, 4, 5]
    assert tape[-1].market_hash == end.hash.hex()
    assert book.committed_seq == 5


def test_nothing_is_written_for_an_empty_turn(tmp_path: Path, store: Any) -> None:
    book = journal(tmp_path, store)
    append(book, 1.0)
    asyncio.run(book.commit())
    assert book.commits == 0
    assert len(read_tape(tmp_path)[0]) == 0
    book.flush()
    assert len(read_tape(tmp_path)[0]) == 1


def test_fed_again_the_same_calls_compare_and_another_event_is_refused(tmp_path: Path, store: Any) -> None:
    book = journal(tmp_path, store)
    for number in (1, 2, 3):
        append(book, number)
    book.note(2, "test", "X", "k", b"")
    asyncio.run(book.commit())
    rows, end = read_tape(tmp_path)
    again = journal(tmp_path, store, Recorded(rows, end, 2, store.last_tape("R").hash))
    assert again.is_replaying
    assert append(again, 1.0) == 1
    assert (again.is_known(2), again.is_known(3)) == (True, False)
    again.note(2, "test", "X", "k", b"")
    assert again.batch.is_empty()  # it is there already
    with pytest.raises(TapeBroken, match="Row 2 of run R tells another event"):
        append(again, 9.0)
    assert append(again, 2.0) == 2
    assert append(again, 3.0) == 3
    assert not again.is_replaying
    assert append(again, 4.0) == 4
    again.note(4, "test", "X", "k4", b"")
    asyncio.run(again.commit())
    verify_tape(store.tape("R"))
    assert len(read_tape(tmp_path)[0]) == 4


def test_an_engine_without_the_lease_writes_nothing(tmp_path: Path, store: Any) -> None:
    book = journal(tmp_path, store)
    book.lease = store.take_lease("A", "one", 0, 10)
    store.take_lease("A", "two", 20, 10)
    book.note(1, "test", "X", "k", b"")
    with pytest.raises(LeaseLost):
        asyncio.run(book.commit())
    assert store.tape("R") == []
    with pytest.raises(LeaseLost):
        asyncio.run(book.claim("k"))


def test_a_request_is_claimed_once_and_never_waits_again(tmp_path: Path, store: Any) -> None:
    book = journal(tmp_path, store)
    book.lease = store.take_lease("A", "one", 0, 10)
    row = OutboxRow("k", "R", "C", "submit", "", "PENDING")
    book.batch.outbox.append(row)
    asyncio.run(book.commit())
    assert asyncio.run(book.claim("k"))
    assert not asyncio.run(book.claim("k"))
    book.batch.outbox.append(row)
    with pytest.raises(StoreError, match="was to wait again"):
        asyncio.run(book.commit())
