"""The writer's thread: in order, failures where they were asked for, and patient where the record must not be lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tidemill.model.errors import StoreBusy, StoreError
from tidemill.runtime.record import writer as module
from tidemill.runtime.record.writer import InlineWriter, ThreadWriter


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_S", 0.001)


class Database:
    """Is busy for a number of calls."""

    def __init__(self, busy: int) -> None:
        self.busy, self.done = busy, list[str]()

    def write(self, name: str) -> str:
        if self.busy:
            self.busy -= 1
            raise StoreBusy("locked; nothing was written.")
        self.done.append(name)
        return name


def test_a_busy_database_is_asked_again_and_what_follows_keeps_its_place() -> None:
    base = Database(busy=5)

    async def scene() -> list[str]:
        writer = ThreadWriter()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(writer.surely(lambda: base.write("first")))
            second = group.create_task(writer.run(lambda: base.write("second")))
        writer.close()
        return [first.result(), second.result()]

    assert asyncio.run(scene()) == ["first", "second"] == base.done


def test_a_single_try_and_any_other_failure_are_told_at_once() -> None:
    async def scene() -> None:
        writer, base = ThreadWriter(), Database(busy=1)
        with pytest.raises(StoreBusy):
            await writer.run(lambda: base.write("once"))

        def broken() -> None:
            raise StoreError("the disk cannot be read or written.")

        with pytest.raises(StoreError, match="the disk"):
            await writer.surely(broken)
        writer.close()

    asyncio.run(scene())


def test_a_writer_that_is_closed_waits_no_longer() -> None:
    busy = threading.Event()

    def never() -> None:
        busy.set()
        raise StoreBusy("locked; nothing was written.")

    async def scene() -> None:
        writer = ThreadWriter()
        task = asyncio.get_running_loop().create_task(writer.surely(never))
        await asyncio.to_thread(busy.wait, 5)
        await asyncio.to_thread(writer.close)
        with pytest.raises(StoreBusy):
            await task

    asyncio.run(scene())


def test_a_fast_replay_does_not_wait() -> None:
    with pytest.raises(StoreBusy):
        asyncio.run(InlineWriter().surely(lambda: Database(busy=1).write("x")))
