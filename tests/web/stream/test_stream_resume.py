"""Coming back, being slow, and turning by a clock of one's own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tidemill.services.stream.book import Book, frame
from tidemill.services.stream.hub import Hub, HubTerms
from tidemill.services.stream.topics import Found, Topic
from tidemill.services.stream.watcher import Asked, Watcher
from tidemill.services.stream.window import Window


def test_who_comes_back_soon_is_told_what_was_missed_and_nothing_twice(stream: Any) -> None:
    run = stream.run("trader", "mine")
    client = stream.connect("trader")
    client.watch("activity")
    stream.write(projections=[stream.line(run, 1)])
    client.events(1)
    resume = {"server_id": client.hello["server_id"], "seq": client.seq}
    client.socket.close()
    stream.write(projections=[stream.line(run, 2), stream.line(run, 3)])
    again = stream.connect("trader")
    again.say("subscribe", topics=["activity"], resume=resume)
    assert again.until("resumed", "snapshot")["type"] == "resumed"
    stream.write(projections=[stream.line(run, 4)])
    assert [row["number"] for _, row in again.events(3)] == [2, 3, 4]


def test_a_gap_another_server_or_a_long_absence_gives_a_new_snapshot(stream: Any) -> None:
    stream.run("trader", "mine")
    for wrong in ({"server_id": "api-before", "seq": 0}, {"server_id": "", "seq": 999}):
        client = stream.connect("trader")
        resume = {**wrong, "server_id": wrong["server_id"] or client.hello["server_id"]}
        client.say("subscribe", topics=["activity"], resume=resume)
        assert client.until("resumed", "snapshot")["type"] == "snapshot"
    book = Book()
    for number in range(3_000):
        book.take(Found(Topic.ACTIVITY, str(number), {}, 1))
    assert book.since(100) is None and book.since(3_001) is None
    assert [event.seq for event in book.since(2_998) or []] == [2_999, 3_000] and book.since(3_000) == []


def test_a_slow_client_is_closed_with_1013_and_has_missed_nothing_before(stream: Any) -> None:
    run = stream.run("trader", "mine")
    slow, quick = stream.connect("trader", max_queue=1), stream.connect("trader")
    slow.watch("activity")
    quick.watch("activity")
    watcher = next(iter(stream.service.parts.telling.hub.watchers))
    watcher.outlet._most_events = 4  # noqa: SLF001 - a short queue instead of a long test
    wide = "w" * 200_000
    for number in range(120):  # nobody reads `slow`: its socket fills, then its queue
        line = stream.line(run, number)
        line.values["text"] = wide
        stream.write(projections=[line])
        assert [row["number"] for _, row in quick.events(1)] == [number]
        if watcher.ending is not None:
            break
    assert watcher.ending is not None and watcher.ending.code == 1013
    numbers = []
    with pytest.raises(ConnectionClosed, match="1013"):  # noqa: PT012 - read until it is closed
        while True:
            numbers += [event["row"]["number"] for event in slow.hear().get("events", ())]
    assert numbers == list(range(len(numbers))) and len(numbers) < 120


class Still:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000_000

    def now_ns(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002 - the signature of clocks
        await asyncio.Event().wait()


def test_by_the_clock_values_join_and_events_do_not(service: Any, tmp_path: Path) -> None:
    async def turns() -> list[str]:
        clock = Still()
        hub = Hub(service.parts.database, clock, Window(tmp_path / "w"), HubTerms("api-x", "1"))
        watcher = Watcher(service.principal("trader"), "token", lambda _: service.principal("trader"))
        assert hub.enter(watcher)
        await asyncio.sleep(0)  # the hub's own task begins and takes its first turn
        task = hub._task  # noqa: SLF001 - turned by hand from here on
        assert task is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watcher.ending = None
        asked = Asked(watcher.user_id, frozenset({Topic.EQUITY, Topic.ACTIVITY}))
        watcher.wish = (asked, -1)
        await hub.turn()
        while watcher.outlet.take() is not None:
            pass
        book = hub._books[watcher.user_id]  # noqa: SLF001 - as above
        for number in range(5):
            book.take(Found(Topic.EQUITY, "r", {"equity": str(number)}, watcher.user_id, "r"))
            book.take(Found(Topic.ACTIVITY, str(number), {"number": number}, watcher.user_id, "r"))
        await hub.turn()
        found = []
        while (told := watcher.outlet.take()) is not None:
            found.append(told)
        return found

    events = [{"seq": number + 1, "topic": "activity", "row": {"number": number}} for number in range(5)]
    assert asyncio.run(turns()) == [
        frame("delta", seq=5, events=events),
        frame("values", topics={"equity": [{"equity": "4"}]}),
    ]
