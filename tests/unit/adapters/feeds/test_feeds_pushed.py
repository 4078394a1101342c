from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from live_market import OPEN, Heard, ManualClock
from tidemill.adapters.feeds import PushedFeed
from tidemill.model.bars import MINUTE_NS
from tidemill.model.errors import LinkDown, UnknownName
from tidemill.model.heard import HeardBar


def listening(push: Callable[[PushedFeed], None]) -> Heard:
    sink, feed = Heard(), PushedFeed(ManualClock())

    async def play() -> None:
        task = asyncio.ensure_future(feed.stream(["AAA", "BBB"], sink))
        await asyncio.sleep(0)
        push(feed)
        feed.close()
        await asyncio.wait_for(task, 1)

    asyncio.run(play())
    return sink


def bar(symbol: str, minute: int, **changes: float) -> HeardBar:
    values = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 7.0, **changes}
    return HeardBar(symbol, OPEN + minute * MINUTE_NS, MINUTE_NS, **values)  # type: ignore[arg-type]


def test_ticks_and_quotes_are_stamped_now_unless_they_bring_a_stamp() -> None:
    def push(feed: PushedFeed) -> None:
        feed.push_trade("BBB", 10.5)
        feed.push_trade("AAA", 10.5, 3.0, ts_ns=OPEN - 9, seq=4)
        feed.push_quote("AAA", 9.0, 11.0)

    assert listening(push).lines[1:] == [
        ("trade", OPEN, 1, 10.5, 0.0, 0),
        ("trade", OPEN - 9, 0, 10.5, 3.0, 4),
        ("quote", OPEN, 0, 9.0, 11.0),
    ]


def test_bars_that_end_at_one_instant_reach_the_run_together() -> None:
    sink = listening(lambda feed: feed.push_bars([bar("BBB", 1), bar("BBB", 0), bar("AAA", 1, volume=0.0)]))
    assert [line[0] for line in sink.lines] == ["link", "bars", "bars"]
    assert [line[2] for line in sink.lines[1:]] == [(1,), (0, 1)]
    row = sink.rows[0][0]
    names = ("ts_ns", "now_ns", "interval_ns", "open", "high", "low", "close", "volume")
    assert [row[name] for name in names] == [OPEN, OPEN + MINUTE_NS, MINUTE_NS, 1.0, 2.0, 0.5, 1.5, 7.0]


def test_no_bars_are_no_event() -> None:
    assert [line[0] for line in listening(lambda feed: feed.push_bars([])).lines] == ["link"]


def test_a_symbol_the_run_does_not_trade_is_refused() -> None:
    with pytest.raises(UnknownName, match="AAA"):
        listening(lambda feed: feed.push_trade("AAB", 1.0))


def test_without_a_run_nothing_can_be_pushed() -> None:
    feed = PushedFeed(ManualClock())
    with pytest.raises(LinkDown, match="No run listens"):
        feed.push_trade("AAA", 1.0)
    feed.close()
    feeds: list[PushedFeed] = []
    listening(feeds.append)
    with pytest.raises(LinkDown):
        feeds[0].push_quote("AAA", 1.0, 2.0)
