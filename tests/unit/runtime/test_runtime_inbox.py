from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_market import OPEN, OTHER, STOCK, ManualClock, PlainHours, bars
from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError
from tidemill.model.records import EVENT
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.lanes import Lane
from tidemill.runtime.market.hours import Hours
from tidemill.runtime.market.staleness import Freshness
from tidemill.runtime.room import Degraded, InboxRoom, LinkWord


def inbox(clock: ManualClock | None = None, *, is_replay: bool = False, **room: int) -> Inbox:
    room = {"market": 64, **room}
    return Inbox([STOCK, OTHER], clock or ManualClock(), is_replay=is_replay, room=InboxRoom(**room))


def drain(box: Inbox, limit: int = 256) -> list[tuple[Lane, Any]]:
    """Take everything; rows become lists of (kind, instrument, stamp)."""
    found = []
    while (item := box.take(limit)) is not None:
        lane, body = item
        if isinstance(body, np.ndarray):
            body = [(EventKind(row["kind"]).name, int(row["instrument"]), int(row["ts_ns"])) for row in body]
        found.append((lane, body))
    return found


def split_rows(ratio: float) -> Any:
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["ts_ns"], rows["now_ns"], rows["close"] = EventKind.SPLIT, OPEN, OPEN, ratio
    return rows


def test_lanes_come_in_order_of_urgency() -> None:
    box = inbox()
    box.quote(0, OPEN, 9.0, 11.0)
    box.trade(0, OPEN, 10.0, 1.0)
    assert box.command("buy")
    box.report("fill")
    box.operator("halt")
    found = drain(box)
    assert [lane for lane, _ in found] == [Lane.OPERATOR, Lane.REPORT, Lane.COMMAND, Lane.MARKET, Lane.QUOTE]
    assert [body for _, body in found[:3]] == ["halt", "fill", "buy"]
    assert box.is_empty


def test_a_halt_overtakes_everything_even_between_two_trades_of_a_batch() -> None:
    box = inbox()
    for number in range(10):
        box.trade(0, OPEN + number, 10.0, 1.0)
    taken = box.take()
    assert taken is not None
    assert len(taken[1]) == 10
    assert not box.has_urgent
    box.operator("halt")
    assert box.has_urgent
    box.give_back(7)
    lanes = drain(box)
    assert lanes[0] == (Lane.OPERATOR, "halt")
    assert lanes[1] == (Lane.MARKET, [("TRADE", 0, OPEN + number) for number in range(3, 10)])
    assert len(lanes) == 2


def test_trades_carry_stamp_arrival_price_size_and_number() -> None:
    clock = ManualClock(OPEN + 5)
    box = inbox(clock)
    box.trade(1, OPEN, 10.5, 3.0, 77)
    taken = box.take()
    assert taken is not None
    row = taken[1][0]
    names = ("kind", "instrument", "ts_ns", "now_ns", "close", "volume", "extra")
    assert [row[name] for name in names] == [EventKind.TRADE, 1, OPEN, OPEN + 5, 10.5, 3.0, 77]
    others = [name for name in EVENT.names if name not in {*names, "row"}]
    assert [row[name] for name in others] == [0] * len(others)


def test_batches_are_views_in_one_piece_of_memory_the_engine_can_copy_from() -> None:
    box = inbox()
    for number in range(5):
        box.trade(0, OPEN + number, 10.0, 1.0)
    taken = box.take(3)
    assert taken is not None
    assert (taken[1].dtype, len(taken[1]), taken[1].flags.c_contiguous) == (EVENT, 3, True)
    assert not taken[1].flags.owndata


def test_groups_of_bars_stay_together_and_in_place_among_trades() -> None:
    box = inbox()
    box.trade(0, OPEN, 10.0, 1.0)
    box.bars(bars((0, OPEN - MINUTE_NS, 10, 10, 10, 10, 1), (1, OPEN - MINUTE_NS, 10, 10, 10, 10, 1)))
    box.actions(split_rows(2.0))
    box.trade(1, OPEN, 10.0, 1.0)
    shape = [[kind for kind, _, _ in body] for _, body in drain(box, 1)]
    assert shape == [["TRADE"], ["BAR", "BAR"], ["SPLIT"], ["TRADE"]]


def test_impossible_bars_leave_the_group_the_others_stay() -> None:
    box = inbox()
    begin = OPEN - MINUTE_NS
    box.bars(bars((0, begin, 10, 10, 10, 10, -1), (1, begin, 10, 10, 10, 10, 1)))
    assert drain(box) == [(Lane.MARKET, [("BAR", 1, begin)])]
    box.bars(bars((0, begin, -1, 10, 10, 10, 1)))
    assert drain(box) == []
    assert box.counts().quarantined == 2


def test_of_quotes_the_latest_counts_and_replaced_ones_are_counted() -> None:
    box = inbox()
    box.quote(1, OPEN, 9.0, 11.0)
    for number in range(5):
        box.quote(0, OPEN + number, 9.0, 11.0 + number / 100)
    taken = box.take()
    assert taken is not None
    assert taken[1]["instrument"].tolist() == [1, 0]
    assert taken[1]["ask"].tolist() == [11.0, 11.04]
    counts = box.counts()
    assert (counts.quotes, counts.replaced, counts.waiting[Lane.QUOTE]) == (6, 4, 0)
    box.quote(0, OPEN + 9, 9.0, 11.0)
    assert box.counts().replaced == 4


def test_a_quote_that_waited_too_long_is_not_handed_out() -> None:
    clock = ManualClock()
    box = inbox(clock)
    box.quote(0, OPEN, 9.0, 11.0)
    clock.time_ns += MINUTE_NS
    box.quote(1, OPEN + MINUTE_NS, 9.0, 11.0)
    clock.time_ns += 1
    assert drain(box) == [(Lane.QUOTE, [("QUOTE", 1, OPEN + MINUTE_NS)])]
    assert box.counts().expired == 1
    box.quote(0, OPEN + MINUTE_NS, 9.0, 11.0)
    clock.time_ns += 2 * MINUTE_NS
    assert box.take() is None


def test_overflow_degrades_the_symbol_once_keeps_what_came_first_and_is_counted() -> None:
    box = inbox(market=8)
    for number in range(12):
        box.trade(0, OPEN + number, 10.0, 1.0)
    box.bars(bars((1, OPEN - MINUTE_NS, 10, 10, 10, 10, 1)))
    assert box.degraded == [True, True]
    found = drain(box)
    assert found[:2] == [(Lane.REPORT, Degraded(0, OPEN)), (Lane.REPORT, Degraded(1, OPEN))]
    assert [stamp for _, body in found[2:] for _, _, stamp in body] == [OPEN + number for number in range(8)]
    assert box.counts().overflowed == 5
    box.repaired(0)
    assert box.degraded == [False, True]


def test_splits_are_never_lost() -> None:
    box = inbox(market=1)
    box.trade(0, OPEN, 10.0, 1.0)
    box.actions(split_rows(2.0))
    assert [body[0][0] for _, body in drain(box)] == ["TRADE", "SPLIT"]
    box.trade(0, OPEN, 5.0, 1.0)
    assert [body[0][0] for _, body in drain(box)] == ["TRADE"]


def test_reports_are_never_dropped_and_too_many_stop_entries() -> None:
    box = inbox()
    for number in range(1001):
        box.report(number)
        assert box.blocks_entries == (number >= 1000)
    assert box.take() == (Lane.REPORT, 0)
    assert not box.blocks_entries
    assert [body for _, body in drain(box)] == list(range(1, 1001))


def test_commands_are_refused_when_busy() -> None:
    box = inbox(commands=2)
    assert [box.command(number) for number in range(3)] == [True, True, False]
    assert box.counts().refused == 1
    box.take()
    assert box.command(9)


def test_word_of_the_connection_travels_with_the_reports() -> None:
    box = inbox()
    box.link(is_up=False, text="gone")
    assert box.take() == (Lane.REPORT, LinkWord(is_up=False, text="gone", at_ns=OPEN))


def test_counts_tell_use_and_load() -> None:
    box = inbox(market=64)
    loads = []
    for number in range(60):
        box.trade(0, OPEN + number, 10.0, 1.0)
        loads.append(box.counts().load)
    assert (loads[2], loads[3], loads[50], loads[51]) == ("normal", "busy", "busy", "critical")
    assert box.counts().utilisation == 60 / 64
    drain(box)
    counts = box.counts()
    assert (counts.utilisation, counts.highest, counts.trades) == (0.0, 60 / 64, 60)


def test_what_passes_the_border_is_fresh() -> None:
    clock = ManualClock()
    feed = Freshness([Hours(PlainHours())] * 2)
    box = Inbox([STOCK, OTHER], clock, freshness=feed)
    clock.time_ns += 10 * MINUTE_NS
    box.trade(0, clock.time_ns, 10.0, 1.0)
    box.trade(1, clock.time_ns, -10.0, 1.0)
    assert feed.stale(clock.time_ns) == [1]
    box.bars(bars((1, clock.time_ns - MINUTE_NS, 10, 10, 10, 10, 1)))
    assert feed.stale(clock.time_ns) == []


def test_a_replay_is_its_own_clock() -> None:
    box = inbox(ManualClock(OPEN + 10**18), is_replay=True)
    box.trade(0, OPEN, 10.0, 1.0)
    taken = box.take()
    assert taken is not None
    assert int(taken[1][0]["now_ns"]) == OPEN
    box.quote(0, OPEN, 9.0, 11.0)
    assert [lane for lane, _ in drain(box)] == [Lane.QUOTE]


def test_room_is_a_power_of_two() -> None:
    with pytest.raises(ConfigError, match="power of two"):
        inbox(market=100)


@given(st.lists(st.integers(-9, 12), max_size=120), st.integers(1, 9))
def test_every_trade_comes_out_once_and_in_order(moves: list[int], limit: int) -> None:
    """Positive: that many trades come in; negative: one batch goes out and some of it comes back."""
    box = inbox(market=16)
    sent, heard = [], []
    number = 0
    for move in moves:
        for _ in range(max(move, 0)):
            number += 1
            before = box.counts().overflowed
            box.trade(0, OPEN + number, 10.0, 1.0)
            if box.counts().overflowed == before:
                sent.append(OPEN + number)
        if move < 0:
            taken = box.take(limit)
            if taken is not None and taken[0] is Lane.MARKET:
                stamps = taken[1]["ts_ns"].tolist()
                back = min(-move - 1, len(stamps))
                box.give_back(back)
                heard += stamps[: len(stamps) - back]
    for lane, body in drain(box, limit):
        if lane is Lane.MARKET:
            heard += [stamp for _, _, stamp in body]
    assert heard == sent
    assert box.counts().waiting[Lane.MARKET] == 0


def test_the_loop_wakes_for_every_kind_of_item() -> None:
    async def play() -> None:
        puts = [
            lambda box: box.operator("x"),
            lambda box: box.report("x"),
            lambda box: box.command("x"),
            lambda box: box.trade(0, OPEN, 10.0, 1.0),
            lambda box: box.quote(0, OPEN, 9.0, 11.0),
            lambda box: box.bars(bars((1, OPEN - MINUTE_NS, 10, 10, 10, 10, 1))),
            lambda box: box.actions(split_rows(2.0)),
            lambda box: box.link(is_up=True, text=""),
        ]
        for put in puts:
            box = inbox()
            waiting = asyncio.ensure_future(box.wait())
            await asyncio.sleep(0)
            assert not waiting.done()
            put(box)
            await asyncio.wait_for(waiting, 1)
            assert box.take() is not None

    asyncio.run(play())


def test_a_replay_waits_for_the_loop_and_no_quote_is_replaced() -> None:
    box = inbox(is_replay=True, replay=4)
    heard: list[Any] = []

    async def feed() -> None:
        for number in range(50):
            await box.ready()
            box.quote(0, OPEN + number, 9.0, 11.0)
            await box.ready()
            box.trade(0, OPEN + number, 10.0, 1.0)
            assert box.counts().waiting[Lane.MARKET] <= 4
        box.operator("end")

    async def loop() -> None:
        ended = False
        while not ended:
            await box.wait()
            found = drain(box, 2)
            ended = (Lane.OPERATOR, "end") in found
            heard.extend(row for lane, body in found if lane is not Lane.OPERATOR for row in body)

    async def play() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(feed())
            group.create_task(loop())

    asyncio.run(play())
    assert len(heard) == 100
    assert box.counts().replaced == 0
    assert [stamp for kind, _, stamp in heard if kind == "QUOTE"] == [OPEN + number for number in range(50)]


def test_two_replays_may_wait_and_one_may_be_cancelled() -> None:
    box = inbox(is_replay=True, replay=1)

    async def play() -> None:
        box.trade(0, OPEN, 10.0, 1.0)
        first, second = (asyncio.ensure_future(box.ready()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        drain(box)
        await asyncio.wait_for(second, 1)
        assert first.cancelled()

    asyncio.run(play())


def test_other_threads_put_through_the_loop() -> None:
    box = inbox()

    async def play() -> list[tuple[Lane, Any]]:
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=lambda: box.threadsafe(box.report, "fill", loop=loop))
        thread.start()
        await asyncio.wait_for(box.wait(), 5)
        thread.join()
        return drain(box)

    assert asyncio.run(play()) == [(Lane.REPORT, "fill")]


def test_a_flood_of_ten_times_the_room_loses_no_report() -> None:
    clock = ManualClock()
    box = inbox(clock, market=256)
    fills = []
    for number in range(2560):
        clock.time_ns += SECOND_NS // 1000
        box.trade(number % 2, clock.time_ns, 10.0, 1.0)
        box.quote(number % 2, clock.time_ns, 9.0, 11.0)
        if number % 10 == 0:
            box.report(number)
    for lane, body in drain(box):
        if lane is Lane.REPORT and isinstance(body, int):
            fills.append(body)
    assert fills == list(range(0, 2560, 10))
    counts = box.counts()
    assert (counts.trades, counts.overflowed, counts.replaced) == (256, 2304, 2558)
