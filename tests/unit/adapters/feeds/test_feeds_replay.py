from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
import pytest

from live_market import OPEN, Heard, ManualClock
from tidemill.adapters.feeds import ReplayData, ReplayFeed, SyntheticFeed
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, BarTable
from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError, OutOfOrder
from tidemill.model.records import EVENT

TICK = np.dtype([("ts_ns", "<i8"), ("price", "<f8"), ("size", "<f8"), ("seq", "<i8")])
QUOTE = np.dtype([("ts_ns", "<i8"), ("bid", "<f8"), ("ask", "<f8")])
LATE = np.dtype([*TICK.descr, ("received_ns", "<i8")])


def table(symbol: str, *minutes: int, size: int = MINUTE_NS, begin: int = OPEN) -> BarTable:
    ts = np.array([begin + minute * MINUTE_NS for minute in minutes], np.int64)
    columns = (np.arange(1.0, len(ts) + 1.0) + offset for offset in (0, 1, -0.5, 0.5, 100))
    return BarTable(symbol, size, size, ts, *columns)


def ticks(*rows: tuple[float, ...], layout: np.dtype[Any] = TICK) -> Any:
    return np.array(list(rows), layout)


def split(instrument: int, ts_ns: int) -> Any:
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["instrument"], rows["ts_ns"], rows["now_ns"] = EventKind.SPLIT, instrument, ts_ns, ts_ns
    return rows


def play(data: Any, symbols: list[str], clock: ManualClock | None = None, **settings: Any) -> Heard:
    sink = Heard()
    asyncio.run(ReplayFeed(data, clock or ManualClock(), **settings).stream(symbols, sink))
    return sink


def test_bars_that_end_together_come_together_by_size_and_instrument() -> None:
    data = ReplayData([table("B", 0, 1, 2, 3, 4), table("A", 0, 2, 4), table("A", 0, size=5 * MINUTE_NS)])
    sink = play(data, ["A", "B"])
    at = [OPEN + minute * MINUTE_NS for minute in range(6)]
    assert sink.lines == [
        ("bars", at[1], (0, 1)),
        ("bars", at[2], (1,)),
        ("bars", at[3], (0, 1)),
        ("bars", at[4], (1,)),
        ("bars", at[5], (0, 1, 0)),
    ]
    assert sink.rows[-1]["interval_ns"].tolist() == [MINUTE_NS, MINUTE_NS, 5 * MINUTE_NS]
    assert sink.waits == 5


def test_bars_carry_every_column() -> None:
    row = play(ReplayData([table("A", 7)]), ["A"]).rows[0][0]
    names = ("kind", "ts_ns", "now_ns", "interval_ns", "open", "high", "low", "close", "volume", "row")
    wanted = [EventKind.BAR, OPEN + 7 * MINUTE_NS, OPEN + 8 * MINUTE_NS, MINUTE_NS, 1, 2, 0.5, 1.5, 101, -1]
    assert [row[name] for name in names] == wanted


def test_at_one_instant_splits_come_first_and_ticks_last() -> None:
    end = OPEN + MINUTE_NS
    data = ReplayData(
        [table("A", 0)], {"A": ticks((end, 5, 1, 3))}, {"A": np.array([(end, 4.0, 6.0)], QUOTE)}, split(0, end)
    )
    lines = play(data, ["A"]).lines
    assert lines == [
        ("actions", end, (0,)),
        ("bars", end, (0,)),
        ("quote", end, 0, 4.0, 6.0),
        ("trade", end, 0, 5.0, 1.0, 3),
    ]


def test_ticks_of_several_symbols_merge_and_keep_the_order_of_their_source() -> None:
    data = ReplayData(
        trades={"B": ticks((OPEN, 5, 1, 1), (OPEN, 6, 1, 2), (OPEN + 2, 7, 1, 3)), "A": ticks((OPEN + 1, 9, 1, 1))}
    )
    lines = play(data, ["A", "B"]).lines
    assert [(stamp - OPEN, instrument, price) for _, stamp, instrument, price, _, _ in lines] == [
        (0, 1, 5.0),
        (0, 1, 6.0),
        (1, 0, 9.0),
        (2, 1, 7.0),
    ]


def test_late_ticks_come_when_they_were_received_with_the_stamp_they_had() -> None:
    rows = ticks((OPEN + 5, 5, 1, 2, OPEN + 6), (OPEN + 1, 4, 1, 1, OPEN + 9), layout=LATE)
    assert [line[1] - OPEN for line in play(ReplayData(trades={"A": rows}), ["A"]).lines] == [5, 1]


def test_ticks_that_run_backward_are_refused() -> None:
    with pytest.raises(OutOfOrder, match="A do not lie in time order"):
        play(ReplayData(trades={"A": ticks((OPEN + 5, 5, 1, 2), (OPEN, 5, 1, 2))}), ["A"])


def test_symbols_without_data_are_refused_and_data_of_others_left_out() -> None:
    data = ReplayData([table("A", 0), table("B", 0)])
    with pytest.raises(ConfigError, match="no data of C to play; there are data of A, B"):
        play(data, ["A", "C"])
    assert play(data, ["B"]).lines == [("bars", OPEN + MINUTE_NS, (0,))]


def test_a_long_history_in_pieces_is_the_same_history() -> None:
    ts = OPEN + np.arange(200_000, dtype=np.int64) * MINUTE_NS
    column = np.ones(len(ts))
    data = ReplayData([BarTable("A", MINUTE_NS, MINUTE_NS, ts, *(column,) * 5), table("B", *range(0, 200_000, 5000))])
    sink = play(data, ["A", "B"])
    assert [line[1] for line in sink.lines] == (ts + MINUTE_NS).tolist()
    assert sum(len(line[2]) for line in sink.lines) == 200_040


@pytest.mark.parametrize("speed", [1.0, 60.0, 1000.0])
def test_time_is_compressed(speed: float) -> None:
    clock = ManualClock(123)
    play(ReplayData([table("A", 0, 1, 2, 10)]), ["A"], clock, speed=speed)
    assert clock.slept == pytest.approx([60 / speed, 60 / speed, 480 / speed])
    assert clock.time_ns - 123 == pytest.approx(10 * MINUTE_NS / speed, abs=3)


def test_as_fast_as_possible_never_sleeps() -> None:
    clock = ManualClock()
    sink = play(ReplayData([table("A", *range(100))]), ["A"], clock)
    assert (clock.slept, sink.waits) == ([], 100)


def test_nights_can_be_cut_short() -> None:
    clock = ManualClock()
    data = ReplayData([table("A", 0, 1), table("A", 0, begin=OPEN + DAY_NS)])
    play(data, ["A"], clock, speed=60.0, longest_pause_s=5.0)
    assert clock.slept == pytest.approx([1.0, 5.0])


def test_time_spent_by_the_engine_counts_and_lost_time_is_not_made_up() -> None:
    class Slow(Heard):
        async def ready(self) -> None:
            clock.time_ns += next(costs) * SECOND_NS

    costs = iter([10, 0, 300, 0, 0, 0])
    clock = ManualClock()
    sink = Slow()
    asyncio.run(ReplayFeed(ReplayData([table("A", *range(6))]), clock, speed=1.0).stream(["A"], sink))
    assert clock.slept == [50, 60, 60, 60]
    assert len(sink.lines) == 6


@pytest.mark.parametrize("speed", [0.5, 0.0, -1.0, 1001.0, math.nan])
def test_other_speeds_are_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="1 to 1000"):
        ReplayFeed(ReplayData(), ManualClock(), speed=speed)


def test_a_feed_of_stored_data_is_a_replay_in_real_time() -> None:
    feed = ReplayFeed(ReplayData(), ManualClock(), name="yesterday")
    assert (feed.name, feed.delay_ns, feed.is_replay) == ("yesterday", 0, True)


def test_a_simulated_market_goes_on_piece_by_piece_until_it_ends() -> None:
    drawn = []

    def draw(number: int) -> ReplayData | None:
        drawn.append(number)
        return ReplayData([table("SIMA", 0, begin=OPEN + number * HOUR_NS)]) if number < 3 else None

    clock, sink = ManualClock(), Heard()
    feed = SyntheticFeed(draw, clock, speed=60.0)
    asyncio.run(feed.stream(["SIMA"], sink))
    assert [line[1] - OPEN for line in sink.lines] == [MINUTE_NS + number * HOUR_NS for number in range(3)]
    assert (drawn, clock.slept) == ([0, 1, 2, 3], [60.0, 60.0])
    assert (feed.name, feed.is_replay) == ("SIMULATED", True)


def test_a_simulated_market_draws_a_piece_only_when_the_one_before_has_been_played() -> None:
    drawn = []

    def draw(number: int) -> ReplayData:
        drawn.append(number)
        return ReplayData([table("SIMA", 0, 1, begin=OPEN + number * HOUR_NS)])

    class Stopping(Heard):
        def bars(self, rows: Any) -> None:
            super().bars(rows)
            if len(self.lines) == 5:
                raise asyncio.CancelledError

    sink = Stopping()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(SyntheticFeed(draw, ManualClock(), speed=1000.0).stream(["SIMA"], sink))
    assert drawn == [0, 1, 2]
