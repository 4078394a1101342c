"""A commit whose end nobody knows is looked for before it is repeated: a disk that is full or broken at COMMIT."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live_scene import WorldClock
from tidemill.adapters.sql.opening import open_store
from tidemill.model.chain import verify_tape
from tidemill.model.errors import StoreBusy, StoreError
from tidemill.model.journal import OutboxRow
from tidemill.model.records import EVENT
from tidemill.runtime.record import writer as writers
from tidemill.runtime.record.journal import Journal, Recorded
from tidemill.runtime.record.tape import TapeFile
from tidemill.runtime.record.transaction import LOOKS, claim_surely
from tidemill.runtime.record.writer import ThreadWriter


class Doubtful:
    """A store whose next commits and claims end unknown.

    Args:
        inner: the store. ends: whether the work was done before the error, one item per doubtful call.
    """

    def __init__(self, inner: Any, ends: list[bool], *, may_pass: bool = True) -> None:
        self.inner, self.ends, self.may_pass, self.calls = inner, ends, may_pass, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _doubt(self, work: Callable[[], Any]) -> Any:
        self.calls += 1
        if not self.ends:
            return work()
        if self.ends.pop(0):
            work()
        error = StoreError("The disk is full; it is unknown.")
        error.is_unknown, error.may_pass = True, self.may_pass
        raise error

    def commit(self, batch: Any) -> None:
        self._doubt(lambda: self.inner.commit(batch))

    def claim(self, *values: Any) -> bool:
        return bool(self._doubt(lambda: self.inner.claim(*values)))


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "_AGAIN_S", 0.001)


@pytest.fixture
def writer() -> Iterator[ThreadWriter]:
    made = ThreadWriter()
    yield made
    made.close()


def note_row(book: Journal, key: str, body: bytes = b"body") -> None:
    row = np.zeros(1, EVENT)
    row["kind"] = 3
    book.note(book.append(int(row.ctypes.data)), "test", "X", key, body)


def play(writer: ThreadWriter, folder: Path, wrap: Callable[[Any], Any], deed: Callable[[Journal], Any]) -> Any:
    """Let a scene have a journal on a file, and return its store's tape afterwards."""

    async def scene() -> Any:
        opened = await writer.run(lambda: open_store(f"sqlite:///{folder}/t.db", migrate=True, verify=False))
        try:
            store = wrap(opened)
            book = Journal(
                "R", "A", store=store, file=TapeFile(folder, 1), writer=writer, clock=WorldClock(), recorded=Recorded()
            )
            await deed(book)
            return await writer.run(lambda: opened.tape("R"))
        finally:
            await writer.run(opened.close)

    return asyncio.run(scene())


@pytest.mark.parametrize("ends", [[False], [True], [False, False, True], [False, True]])
def test_a_commit_that_ends_unknown_is_written_exactly_once(
    writer: ThreadWriter, tmp_path: Path, ends: list[bool]
) -> None:
    async def deed(book: Journal) -> None:
        for key in ("first", "second"):
            note_row(book, key)
            await book.commit()

    tape = play(writer, tmp_path, lambda store: Doubtful(store, ends), deed)
    verify_tape(tape)
    assert [row.key for row in tape] == ["first", "second"]


def test_a_reason_that_does_not_pass_ends_after_some_looks(writer: ThreadWriter, tmp_path: Path) -> None:
    made: list[Doubtful] = []

    def wrap(store: Any) -> Doubtful:
        made.append(Doubtful(store, [False] * 100, may_pass=False))
        return made[0]

    async def deed(book: Journal) -> None:
        note_row(book, "first")
        with pytest.raises(StoreError, match="unknown") as caught:
            await book.commit()
        assert not isinstance(caught.value, StoreBusy)

    assert play(writer, tmp_path, wrap, deed) == []
    assert made[0].calls == LOOKS


def test_a_disk_without_room_at_commit_is_waited_for(writer: ThreadWriter, tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the write-ahead log's growth fail for real, in COMMIT, where SQLite writes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    seen: list[str] = []

    def wrap(store: Any) -> Any:
        original = store.commit

        def commit(batch: Any) -> None:
            try:
                original(batch)
            except StoreError as error:
                seen.append(str(error))
                if len(seen) == 3:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
                raise

        store.commit = commit
        return store

    async def deed(book: Journal) -> None:
        note_row(book, "first", b"x" * 20_000)
        await book.commit()
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
        note_row(book, "second", b"x" * 100_000)
        await book.commit()

    try:
        tape = play(writer, tmp_path, wrap, deed)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    verify_tape(tape)
    assert [row.key for row in tape] == ["first", "second"]
    assert len(seen) == 3
    assert "unknown" in seen[0]


@pytest.mark.parametrize("is_done", [True, False])
def test_a_claim_that_ends_unknown_is_ours_only_where_it_stands(tmp_path: Path, is_done: bool) -> None:
    with open_store(f"sqlite:///{tmp_path}/t.db", migrate=True, verify=False) as store:
        lease = store.take_lease("A", "me", 1, 10)
        from_batch = OutboxRow("k", "R", "c", "submit", "{}", "PENDING")
        book = Journal(
            "R", "A", store=store, file=TapeFile(tmp_path, 1), writer=writers.InlineWriter(),
            clock=WorldClock(), recorded=Recorded(),
        )  # fmt: skip
        book.batch.outbox.append(from_batch)
        asyncio.run(book.commit())
        doubtful: Any = Doubtful(store, [is_done])
        if is_done:
            assert claim_surely(doubtful, "R", "k", "A", lease.epoch, 7)
        else:
            with pytest.raises(StoreBusy):
                claim_surely(doubtful, "R", "k", "A", lease.epoch, 7)
            assert claim_surely(doubtful, "R", "k", "A", lease.epoch, 8)
        assert not claim_surely(doubtful, "R", "k", "A", lease.epoch, 9)
