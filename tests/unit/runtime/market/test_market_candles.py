from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from live_market import CLOSE, FUTURE, OPEN, OTHER, STOCK, PlainHours, trades
from tidemill.adapters.calendars import get_calendar
from tidemill.kernel.candle_records import FILLED
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import Instrument, infer_instrument
from tidemill.runtime.market.candle_rows import OpenBar
from tidemill.runtime.market.candles import Candles


def desk(*intervals: int, count: int = 1, **settings: Any) -> Candles:
    instruments = [STOCK, OTHER, FUTURE][:count]
    return Candles(instruments, [intervals or (MINUTE_NS,)] * count, {"XNYS": PlainHours()}, **settings)


def at(minutes: float) -> int:
    return OPEN + round(minutes * MINUTE_NS)


def shape(rows: Any) -> list[tuple[float, ...]]:
    """Return (minute after the open, open, high, low, close, volume, trades, flags) of each bar."""
    return [
        (
            (row["ts_ns"] - OPEN) / MINUTE_NS,
            *(row[name] for name in ("open", "high", "low", "close", "volume")),
            row["extra"],
            row["code"],
        )
        for row in rows
    ]


def test_a_bar_ends_with_the_first_trade_behind_it() -> None:
    candles = desk()
    assert not len(candles.take(trades((at(0), 10, 5), (at(0.2), 12, 1), (at(0.5), 9, 2), (at(0.9), 11, 1))))
    assert shape(candles.take(trades((at(1.1), 20, 1)))) == [(0, 10, 12, 9, 11, 9, 4, 0)]


def test_a_bar_of_a_quiet_symbol_ends_by_the_clock_after_grace_and_delay() -> None:
    candles = desk(grace_ns=2 * SECOND_NS, delay_ns=10 * SECOND_NS)
    candles.take(trades((at(0.5), 10, 5)))
    assert candles.next_due_ns == at(1) + 12 * SECOND_NS
    assert not len(candles.tick(at(1) + 12 * SECOND_NS - 1))
    assert shape(candles.tick(at(1) + 12 * SECOND_NS)) == [(0, 10, 10, 10, 10, 5, 1, 0)]
    assert not len(candles.tick(at(5)))
    assert candles.next_due_ns == 0


@pytest.mark.parametrize("by_clock", [False, True])
def test_two_quiet_minutes_are_filled_flat_at_the_close_before_them(by_clock: bool) -> None:
    candles = desk()
    candles.take(trades((at(0.5), 10, 5), (at(0.6), 11, 5)))
    first = candles.tick(at(2)) if by_clock else candles.take(trades())
    found = shape(first) + shape(candles.take(trades((at(3.2), 30, 1))))
    assert found[1:] == [(1, 11, 11, 11, 11, 0, 0, FILLED), (2, 11, 11, 11, 11, 0, 0, FILLED)]
    assert found[0][:2] == (0, 10)
    assert candles.counts()[0].filled == 2


def test_three_quiet_minutes_stay_empty() -> None:
    candles = desk()
    found = shape(candles.take(trades((at(0.5), 10, 5), (at(4.0), 30, 1))))
    assert [row[0] for row in found] == [0]


def test_nothing_is_filled_across_the_end_of_a_session() -> None:
    candles = desk(extended=True)
    found = candles.take(trades((CLOSE - 1, 10, 5), (CLOSE + MINUTE_NS, 30, 1), (CLOSE + 2 * MINUTE_NS, 30, 1)))
    assert found["ts_ns"].tolist() == [CLOSE - MINUTE_NS, CLOSE + MINUTE_NS]
    assert not found["code"].any()


def test_bars_are_counted_from_the_open_and_stop_at_the_close() -> None:
    candles = desk(HOUR_NS)
    found = candles.take(trades((OPEN + HOUR_NS + 5, 10, 1), (CLOSE - 5, 11, 1), (CLOSE, 99, 1)))
    assert found["ts_ns"].tolist() == [OPEN + HOUR_NS, OPEN + 6 * HOUR_NS]
    assert found["now_ns"].tolist() == [OPEN + 2 * HOUR_NS, CLOSE]
    assert candles.counts()[0].outside == 1


def test_pre_market_bars_are_counted_backward_from_the_open() -> None:
    candles = desk(HOUR_NS, extended=True)
    begin = OPEN - 5 * HOUR_NS - 30 * MINUTE_NS
    found = candles.take(trades((begin, 10, 1), (OPEN - 1, 11, 1), (OPEN, 12, 1)))
    assert found["ts_ns"].tolist() == [begin, OPEN - HOUR_NS]
    assert found["now_ns"].tolist() == [OPEN - 5 * HOUR_NS, OPEN]


def test_a_daily_bar_is_the_whole_regular_session() -> None:
    candles = desk(DAY_NS, extended=True)
    found = candles.take(trades((OPEN - 9, 1, 1), (OPEN, 10, 1), (CLOSE - 1, 11, 2), (CLOSE + 9, 99, 1)))
    assert found["ts_ns"].tolist() == [OPEN]
    assert found["now_ns"].tolist() == [CLOSE]
    assert found["volume"].tolist() == [3]
    found = candles.take(trades((OPEN + DAY_NS, 10, 1), (OPEN + 2 * DAY_NS, 10, 1)))
    assert found["ts_ns"].tolist() == [OPEN + DAY_NS]


def test_late_trades_are_left_out_and_counted() -> None:
    candles = desk()
    candles.take(trades((at(0.5), 10, 5), (at(1.5), 11, 5)))
    assert candles.late_trades == 0
    candles.take(trades((at(0.9), 99, 5)))
    count = candles.counts()[0]
    assert (count.late, count.late_ns, candles.late_trades) == (1, at(0.9), 1)
    assert shape(candles.tick(at(3))) == [(1, 11, 11, 11, 11, 5, 1, 0)]


def test_a_trade_older_than_the_bar_in_the_making_is_late_even_after_a_quiet_stretch() -> None:
    candles = desk()
    candles.take(trades((at(0.5), 10, 5), (at(9.5), 11, 5), (at(5.5), 99, 5)))
    assert candles.late_trades == 1


def test_trades_out_of_order_inside_a_bar_count_by_their_stamps() -> None:
    candles = desk()
    candles.take(trades((at(0.5), 10, 1), (at(0.9), 12, 1), (at(0.1), 8, 1), (at(0.7), 9, 1)))
    assert shape(candles.tick(at(2))) == [(0, 8, 12, 8, 12, 4, 4, 0)]


def test_a_print_that_comes_again_is_ignored_and_equal_prints_without_number_are_not() -> None:
    candles = desk()
    candles.take(
        trades((at(0.1), 10, 1, 7), (at(0.2), 11, 1, 8), (at(0.1), 10, 1, 7), (at(0.2), 11, 1), (at(0.2), 11, 1))
    )
    assert shape(candles.tick(at(2))) == [(0, 10, 11, 10, 11, 4, 4, 0)]
    assert candles.counts()[0].repeated == 1


def test_several_sizes_close_together_in_order_of_size_and_instrument() -> None:
    candles = desk(5 * MINUTE_NS, MINUTE_NS, count=3)
    for number in (2, 0, 1):
        candles.take(trades((at(4.5), 10, 1), instrument=number))
    found = candles.tick(at(6))
    assert found["interval_ns"].tolist() == [MINUTE_NS] * 3 + [5 * MINUTE_NS] * 3
    assert found["instrument"].tolist() == [0, 1, 2, 0, 1, 2]
    assert set(found["now_ns"].tolist()) == {at(5)}


def test_a_bar_joined_in_the_middle_is_held_back() -> None:
    candles = desk()
    candles.begin(at(0.5))
    found = candles.take(trades((at(0.6), 10, 1), (at(1.0), 11, 1), (at(2.0), 12, 1)))
    assert [row[0] for row in shape(found)] == [1]
    assert candles.counts()[0].held_back == 1
    assert candles.take_held_back() == [OpenBar(0, MINUTE_NS, at(0), at(1), 1)]
    assert candles.take_held_back() == []


def test_lost_trades_spoil_only_the_bar_in_the_making_of_their_instrument() -> None:
    candles = desk(count=2)
    for number in (0, 1):
        candles.take(trades((at(0.6), 10, 1), instrument=number))
    candles.spoil(1, at(0.7))
    assert candles.tick(at(2))["instrument"].tolist() == [0]
    assert candles.take_held_back() == [OpenBar(1, MINUTE_NS, at(0), at(1), 1)]
    candles.take(trades((at(1.5), 10, 1), instrument=1))
    found = candles.tick(at(4))
    assert shape(found) == [(1, 10, 10, 10, 10, 1, 1, 0)]


def test_after_a_backfill_the_next_bar_continues_from_it() -> None:
    candles = desk()
    candles.begin(at(2.5))
    candles.take(trades((at(2.6), 50, 1)))
    candles.link(0, MINUTE_NS, at(3), 44.0)
    candles.take(trades((at(2.9), 99, 1)))
    found = shape(candles.take(trades((at(4.5), 50, 1), (at(5.5), 51, 1))))
    assert found == [(3, 44, 44, 44, 44, 0, 0, FILLED), (4, 50, 50, 50, 50, 1, 1, 0)]
    assert candles.late_trades == 1


def test_a_shutdown_hands_out_nothing_partial() -> None:
    candles = desk()
    candles.take(trades((at(0.6), 10, 1), (at(0.7), 10, 1)))
    assert candles.discard() == [OpenBar(0, MINUTE_NS, at(0), at(1), 2)]
    assert not len(candles.tick(at(9)))
    assert candles.discard() == []


def test_a_desk_lives_longer_than_the_sessions_it_fetched_first() -> None:
    candles = desk(DAY_NS, MINUTE_NS)
    late = OPEN + 1500 * DAY_NS
    found = candles.take(trades((at(0.5), 10, 1), (late, 11, 1)))
    assert found["ts_ns"].tolist() == [OPEN, OPEN]
    found = candles.tick(late + DAY_NS)
    assert found["ts_ns"].tolist() == [late, late]


def test_bars_of_futures_follow_their_own_sessions_over_a_change_of_clocks() -> None:
    """New York went to summer time on 2024-03-10: the session of Monday opens Sunday 18:00, 22:00 UTC, not 23:00."""
    instrument = infer_instrument("NQ")
    calendars = {"CME": get_calendar("CME")}
    candles = Candles([instrument], [(2 * HOUR_NS, DAY_NS)], calendars, max_gap_ns=0)
    opens = 1_710_108_000 * SECOND_NS
    friday = opens - 2 * DAY_NS
    rows = trades(
        (friday - HOUR_NS // 2, 9, 1), (opens - HOUR_NS, 99, 1), (opens, 10, 1), (opens + 23 * HOUR_NS - 1, 11, 1)
    )
    found = np.concatenate([candles.take(rows), candles.tick(opens + DAY_NS)])
    hours = found[found["interval_ns"] == 2 * HOUR_NS]
    days = found[found["interval_ns"] == DAY_NS]
    assert hours["ts_ns"].tolist() == [friday - HOUR_NS, opens, opens + 22 * HOUR_NS]
    assert hours["now_ns"].tolist() == [friday, opens + 2 * HOUR_NS, opens + 23 * HOUR_NS]
    assert days["ts_ns"].tolist() == [friday - 23 * HOUR_NS, opens]
    assert days["volume"].tolist() == [1, 2]
    assert candles.counts()[0].outside == 1


def test_many_bars_from_one_call_all_arrive() -> None:
    candles = desk(SECOND_NS)
    rows = trades(*((OPEN + number * 2 * SECOND_NS, 10, 1) for number in range(3000)))
    found = candles.take(rows)
    assert len(found) == 2 * 2999
    assert (found["ts_ns"][1:] - found["ts_ns"][:-1] == SECOND_NS).all()


@pytest.mark.parametrize("size", [SECOND_NS // 2, 7 * DAY_NS])
def test_a_size_that_cannot_be_built_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match="1s to 1d"):
        desk(size)


def test_an_instrument_without_its_calendar_is_refused() -> None:
    with pytest.raises(ConfigError, match="ZZZZ"):
        Candles([Instrument("AAA", calendar="ZZZZ")], [(MINUTE_NS,)], {"XNYS": PlainHours()})
