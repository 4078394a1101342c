"""A feed over the network, on a scripted network and virtual time: drops, silence, garbage, safe mode, recovery."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from live_market import OPEN, Heard
from tidemill.adapters.feeds import PlainDialect, StreamedFeed, StreamTerms
from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.model.errors import ConfigError, LinkDown, NotAuthorised, TidemillError
from tidemill.testing.net import ScriptedNet, Step
from tidemill.testing.seams import SeededRng, SimClock
from tidemill.testing.simloop import SimLoop, run_simulated
from tidemill.wire.reconnect import LinkState

URL = "ws://there/stream"
BEAT = '{"type":"beat"}'
DOWN = LinkDown("refused")


def trade(minute: float, price: float = 10.0, symbol: str = "AAA", seq: int = 0) -> str:
    ts = OPEN + round(minute * MINUTE_NS)
    return json.dumps({"type": "trade", "symbol": symbol, "time": ts, "price": price, "size": 1, "seq": seq})


def bar(minute: int, *, missed: bool = False, symbol: str = "AAA") -> dict[str, Any]:
    prices = {"open": 10, "high": 11, "low": 9, "close": 10.5, "volume": 5}
    start = OPEN + minute * MINUTE_NS
    return {"type": "bar", "symbol": symbol, "time": start, "interval": "1min", "missed": missed, **prices}


def play(
    script: Sequence[Sequence[Step] | TidemillError], seconds: float = 60.0, terms: StreamTerms | None = None
) -> tuple[Heard, StreamedFeed, ScriptedNet]:
    """Let a feed live for some virtual seconds."""
    sink = Heard()
    made: list[Any] = []

    async def live() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        clock = SimClock(loop, OPEN)
        net = ScriptedNet(script, clock)
        feed = StreamedFeed(
            URL, PlainDialect([MINUTE_NS]), net, clock, SeededRng(1), name="stream", terms=terms or StreamTerms()
        )
        made.extend((feed, net))
        try:
            async with asyncio.timeout(seconds):
                await feed.stream(["AAA", "BBB"], sink)
        except TimeoutError:
            pass

    run_simulated(live())
    return sink, made[0], made[1]


def links(sink: Heard) -> list[tuple[bool, str]]:
    return [(line[1], line[2]) for line in sink.lines if line[0] == "link"]


def test_what_a_stream_says_reaches_the_run() -> None:
    quote = {"type": "quote", "symbol": "BBB", "time": "2024-01-02T14:30:00Z", "bid": 9.9, "ask": 10.1}
    text = json.dumps([json.loads(trade(0.5, seq=7)), quote, bar(0), bar(0, symbol="BBB")])
    sink, feed, net = play([[BEAT, text]], 1.0)
    assert [line for line in sink.lines if line[0] != "link"] == [
        ("bars", OPEN + MINUTE_NS, (0, 1)),
        ("trade", OPEN + MINUTE_NS // 2, 0, 10.0, 1.0, 7),
        ("quote", 1_704_205_800 * SECOND_NS, 1, 9.9, 10.1),
    ]
    assert json.loads(net.wires[0].sent[0]) == {
        "type": "subscribe",
        "format": 1,
        "symbols": ["AAA", "BBB"],
        "intervals": ["1min"],
    }
    assert feed.counts.messages == 2


def test_after_a_drop_it_subscribes_again_and_asks_for_what_it_missed() -> None:
    late = json.dumps([bar(1, missed=True), bar(2, missed=True)])
    terms = StreamTerms(bar_ns=MINUTE_NS)
    sink, feed, net = play([[BEAT, 8.0, trade(0.1), LinkDown("cut")], [BEAT, late, *[10.0, BEAT] * 8]], 80.0, terms)
    subscribed, asked, again = (json.loads(text) for text in net.wires[1].sent)
    assert subscribed["type"] == "subscribe"
    assert (asked["type"], asked["since"]) == ("missed", OPEN + 8 * SECOND_NS)
    assert again["since"] == asked["since"], "the bar in the making at the return is asked for once it is over"
    assert again["until"] >= OPEN + MINUTE_NS > asked["until"]
    assert [line for line in sink.lines if line[0] == "missed"] == [
        ("missed", OPEN + 2 * MINUTE_NS, (0,)),
        ("missed", OPEN + 3 * MINUTE_NS, (0,)),
    ]
    (gap,) = feed.gaps
    assert (gap.since_ns, gap.why) == (OPEN + 8 * SECOND_NS, "cut")
    assert 0.7 * SECOND_NS < gap.until_ns - gap.since_ns < 1.1 * SECOND_NS
    assert [up for up, _ in links(sink)] == [True, False, True]
    assert all(wire.is_closed for wire in net.wires)


def test_silence_is_a_broken_connection() -> None:
    sink, feed, net = play([[BEAT, 3600.0], [BEAT, *[5.0, BEAT] * 10]], 40.0)
    assert links(sink)[1] == (False, f"stream: {URL} said nothing for 15 s.")
    assert net.attempts_ns[1] >= 15 * SECOND_NS
    assert feed.status().state is LinkState.UP
    assert feed.status().losses == 1


def test_garbage_is_counted_and_only_much_of_it_ends_the_connection() -> None:
    bad = ["", "{", "[1]", '{"type":"x"}', '{"type":"trade"}', '{"type":"trade","symbol":"AAA","price":"1"}', "null"]
    bar_without_size = json.dumps({**bar(0), "interval": "7 moons"})
    sink, feed, _ = play([[BEAT, *bad, bar_without_size, trade(0.1)]], 0.5)
    assert feed.counts.unreadable == 8
    assert ("link", True, "FEED_GARBAGE") in sink.lines
    assert [line[0] for line in sink.lines].count("trade") == 1
    _, feed, net = play([[BEAT, *["%"] * 100], [BEAT, 9.0, BEAT]], 8.0)
    assert len(net.attempts_ns) == 2
    assert feed.gaps[0].why.startswith(f"{URL} said 100 things in a row that nobody can read")


def test_ten_failures_are_safe_mode_and_it_goes_on_looking_until_it_recovers() -> None:
    script: list[Any] = [[BEAT], *[DOWN] * 12, [BEAT, *[5.0, BEAT] * 20]]
    sink, feed, net = play(script, 800.0)
    words = links(sink)
    assert words[:3] == [
        (True, f"stream: 2 symbols subscribed at {URL}"),
        (False, "stream: The script is over."),
        (False, "SAFE_MODE"),
    ]
    assert words[3][0] is True
    assert words[3][1].startswith("stream: back after")
    waits = [(b - a) / SECOND_NS for a, b in zip(net.attempts_ns, net.attempts_ns[1:], strict=False)][:13]
    bounds = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert all(0.75 * most <= wait <= most for wait, most in zip(waits, bounds, strict=False))
    assert waits[10:] == pytest.approx([60.0] * 3), "in safe mode it looks once a minute"
    assert feed.counts.last_ns > 0


def test_what_is_refused_for_good_ends_the_run_only_before_it_began() -> None:
    denied = '{"type":"denied","code":"NOT_AUTHORISED","text":"no such key"}'
    with pytest.raises(NotAuthorised, match="no such key"):
        play([[denied]])
    with pytest.raises(ConfigError, match="there is no BBB"):
        play([['{"type":"denied","code":"UNKNOWN_SYMBOL","text":"there is no BBB"}']])
    sink, _, net = play([[BEAT], [denied], [BEAT, 9.0, BEAT]], 10.0)
    assert len(net.wires) == 3
    assert links(sink)[-1][0] is True


def test_a_symbol_nobody_asked_for_is_the_borders_business() -> None:
    sink, _, _ = play([[BEAT, trade(0.1, symbol="ZZZ")]], 0.5)
    assert [line[2] for line in sink.lines if line[0] == "trade"] == [-1]
