from __future__ import annotations

import numpy as np
import pytest
import strategy_twins as twins
from strategy_runs import entries, real_minutes, run

from tidemill.model.bars import MINUTE_NS, BarTable
from tidemill.model.enums import Intent, OrderType, Reason
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import infer_instrument
from tidemill.model.settings import RunSettings
from tidemill.model.zones import to_local
from tidemill.strategies.opening_range_breakout import OpeningRangeBreakout
from tidemill.testing.samples import daily_bars, intraday_bars, path_bars

RANGE = [100, 101, 99]  # five-minute bars from 09:30 on: high 101, low 99
DAY = 78  # five-minute bars of a regular session


def day_of(closes):
    """Return one session of five-minute bars; the last close is repeated until 16:00."""
    return path_bars([*closes, *[closes[-1]] * (DAY - len(closes))], minutes=5)


def fills(bars, **params: float):
    """Return (New York minute, side, reason, price) of every fill."""
    rows = run(OpeningRangeBreakout, bars, **params).tape.rows("fills")
    minute = to_local(rows["ts_ns"], "America/New_York") // MINUTE_NS % 1440
    return [
        (int(m), int(row["side"]), Reason(int(row["reason"])).name, float(row["price"]))
        for m, row in zip(minute, rows, strict=True)
    ]


def protection(engine, kind):
    rows = engine.tape.rows("orders")
    return rows[(rows["intent"] == int(Intent.PROTECT)) & (rows["type"] == int(kind))]


def test_it_enters_after_the_first_close_outside_the_range_with_stop_and_target():
    bars = day_of([*RANGE, 100, 102, 102, 103, 109])
    engine = run(OpeningRangeBreakout, bars)
    assert fills(bars) == [(595, 1, "SIGNAL", 102.0), (610, -1, "TAKE_PROFIT", 108.0)]
    assert protection(engine, OrderType.STOP)["stop_price"][0] == 99.0
    assert protection(engine, OrderType.LIMIT)["limit_price"][0] == 102.0 + 2.0 * (102.0 - 99.0)


def test_there_is_one_entry_per_day_and_side():
    bars = day_of([*RANGE, 102, 109, 100, 103, 104, 105])
    assert [side for _, side, _, _ in fills(bars)] == [1, -1]


def test_a_close_inside_the_range_or_on_its_edge_is_no_breakout():
    assert fills(day_of([*RANGE, 100, 101, 99, 100])) == []


def test_trap_44_a_gap_through_the_stop_fills_at_the_open():
    bars = day_of([*RANGE, 100, 102, 102, 97])
    bars.open[6] = bars.high[6] = 97.5  # opens below the stop at 99
    assert fills(bars)[1] == (600, -1, "STOP_LOSS", 97.5)


def test_positions_are_closed_before_the_end_of_the_session():
    assert fills(day_of([*RANGE, 102, 103]))[1] == (955, -1, "SESSION_END", 103.0)
    assert fills(day_of([*RANGE, 102, 103]), flat_minute=900)[1] == (900, -1, "SESSION_END", 103.0)


def test_there_is_no_entry_at_closing_time():
    late = [*RANGE, *[100] * 73, 105, 105]
    assert fills(day_of(late)) == []
    assert [side for _, side, _, _ in fills(day_of(late), flat_minute=1440)] == [1]


def test_trap_40_it_goes_short_only_when_told_to():
    bars = day_of([*RANGE, 100, 98, 98, 97])
    assert fills(bars) == []
    done = fills(bars, direction="both")
    assert done == [(595, -1, "SIGNAL", 98.0), (955, 1, "SESSION_END", 97.0)]
    stops = protection(run(OpeningRangeBreakout, bars, direction="both"), OrderType.STOP)
    assert stops["stop_price"][0] == 101.0


def test_both_sides_may_be_tried_on_one_day():
    bars = day_of([*RANGE, 102, 102, 98.5, 98, 98])
    assert [side for _, side, _, _ in fills(bars, direction="both")][:3] == [1, -1, -1]


def test_without_a_target_only_the_stop_protects():
    engine = run(OpeningRangeBreakout, day_of([*RANGE, 102, 109, 120]), target_r=0.0)
    assert len(protection(engine, OrderType.LIMIT)) == 0
    assert len(protection(engine, OrderType.STOP)) == 1


def test_a_position_left_over_from_a_short_day_is_closed_on_the_next_first_bar():
    both = intraday_bars(days=2)
    first = day_of([*RANGE, 102, 103]).rows(0, 40)
    second = path_bars([103.0] * DAY, minutes=5)
    columns = [
        np.concatenate([getattr(first, name), getattr(second, name)]) for name in ("open", "high", "low", "close")
    ]
    ts = np.concatenate([both.ts[:40], both.ts[DAY:]])
    bars = BarTable("DEMO", both.interval_ns, both.duration_ns, ts, *columns, np.ones(len(ts)))
    assert fills(bars)[1] == (575, -1, "SESSION_END", 103.0)


@pytest.mark.parametrize("bars", [daily_bars(60), intraday_bars(5, minutes=30)])
def test_bars_longer_than_the_range_never_trade(bars):
    assert len(run(OpeningRangeBreakout, bars).tape.rows("orders")) == 0


def test_a_refused_short_is_not_asked_for_again():
    engine = run(OpeningRangeBreakout, day_of([*RANGE, 98, 97, 96]), direction="both", settings=RunSettings())
    assert len(engine.tape.rows("refusals")) == 1


def test_closing_time_must_lie_after_the_range():
    with pytest.raises(ConfigError, match="flat_minute"):
        run(OpeningRangeBreakout, RANGE, flat_minute=585)


def entry_bars(engine, bars):
    return list(np.searchsorted(bars.ts, entries(engine)["ts_ns"]) - 1)


def test_it_equals_its_plain_twin_on_random_sessions():
    bars = intraday_bars(days=20, seed=5)
    local = to_local(bars.ts, "America/New_York") // MINUTE_NS
    expected = twins.opening_range_entries(bars, list(local // 1440), list(local % 1440), 585)
    assert entry_bars(run(OpeningRangeBreakout, bars), bars) == expected
    assert len(expected) > 8


def test_it_equals_its_plain_twin_on_real_stock_minutes_outside_regular_hours_included(shared_data):
    bars = real_minutes(shared_data / "equity" / "1min" / "SPY.parquet", "SPY")
    local = to_local(bars.ts, "America/New_York") // MINUTE_NS
    expected = twins.opening_range_entries(bars, list(local // 1440), list(local % 1440), 585)
    engine = run(OpeningRangeBreakout, bars)
    assert entry_bars(engine, bars) == expected
    assert expected
    assert engine.state.tables["slots"]["quantity"][0] == 0.0


def test_on_futures_the_range_is_that_of_the_cash_session_and_the_day_that_of_the_exchange(shared_data):
    bars = real_minutes(shared_data / "future" / "1min" / "NQ_front.parquet", "NQ")
    bars = bars.rows(0, min(len(bars), 20_000))
    local = to_local(bars.ts, "America/New_York") // MINUTE_NS
    days = (local + 420) // 1440  # from 17:00 New York on a bar belongs to the next day
    expected = twins.opening_range_entries(bars, list(days), list(local % 1440), 585)
    settings = RunSettings(cash=10_000_000)
    engine = run(OpeningRangeBreakout, bars, settings=settings, instrument=infer_instrument("NQ"))
    assert entry_bars(engine, bars) == expected
    assert len(expected) > 3
