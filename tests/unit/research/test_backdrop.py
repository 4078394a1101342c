"""What a chart shades: hours outside regular trading, and missing bars, but no night and no weekend."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from tidemill.adapters.calendars import get_calendar
from tidemill.model.bars import DAY_NS, MINUTE_NS, BarTable
from tidemill.model.instrument import infer_instrument
from tidemill.research.backdrop import backdrop_of
from tidemill.research.report.drawing import Backdrop

NEW_YORK = ZoneInfo("America/New_York")


def at(day: int, clock: str) -> int:
    """UTC nanoseconds of a New York clock in January 2024."""
    hour, minute = map(int, clock.split(":"))
    return int(datetime(2024, 1, day, hour, minute, tzinfo=NEW_YORK).timestamp()) * 10**9


def minutes(symbol: str, *spans: tuple[int, str, str], interval_ns: int = MINUTE_NS) -> BarTable:
    """Bars from the first clock to before the second, of each span."""
    ts = np.concatenate([np.arange(at(day, a), at(day, b), interval_ns) for day, a, b in spans]).astype(np.int64)
    ones = np.ones(len(ts))
    return BarTable(symbol, interval_ns, interval_ns, ts, ones, ones, ones, ones, ones)


def shaded(bars: BarTable) -> Backdrop:
    return backdrop_of(bars, infer_instrument(bars.symbol), get_calendar)


def test_extended_hours_of_a_stock_are_stretches() -> None:
    found = shaded(minutes("SPY", (2, "08:00", "18:00"), (3, "09:30", "17:00")))
    assert found.outside_ns.tolist() == [
        [at(2, "08:00"), at(2, "09:29")], [at(2, "16:00"), at(2, "17:59")], [at(3, "16:00"), at(3, "16:59")]
    ]  # fmt: skip
    assert len(found.gaps_ns) == 0


def test_missing_minutes_count_in_a_session_and_not_between_sessions() -> None:
    found = shaded(
        minutes("SPY", (2, "09:30", "11:00"), (2, "11:05", "16:00"), (3, "09:30", "16:00"), (3, "19:00", "19:01"))
    )
    assert found.gaps_ns.tolist() == [at(2, "11:05")]


def test_the_hour_in_which_a_future_rests_is_no_gap() -> None:
    found = shaded(minutes("NQ", (3, "09:00", "17:00"), (3, "18:00", "19:00"), (3, "19:30", "20:00")))
    assert found.gaps_ns.tolist() == [at(3, "19:30")] and len(found.outside_ns) == 0


def test_an_hourly_bar_that_runs_into_the_open_is_a_regular_one() -> None:
    found = shaded(minutes("SPY", (2, "08:00", "18:00"), interval_ns=60 * MINUTE_NS))
    assert found.outside_ns.tolist() == [[at(2, "08:00")] * 2, [at(2, "16:00"), at(2, "17:00")]]


def test_seconds_without_a_trade_are_usual() -> None:
    second = MINUTE_NS // 60
    bars = minutes("SPY", (2, "10:00", "10:05"), (2, "10:07", "10:10"), interval_ns=second)
    kept = np.arange(len(bars)) % 30 != 7
    bars.ts, bars.open = bars.ts[kept], bars.open[kept]
    assert shaded(bars).gaps_ns.tolist() == [at(2, "10:07")]


def test_coins_trade_always_and_days_are_never_shaded() -> None:
    assert shaded(minutes("BTCUSD", (6, "01:00", "02:00"), (6, "02:10", "03:00"))).gaps_ns.tolist() == [at(6, "02:10")]
    assert len(shaded(minutes("SPY", (2, "09:30", "16:00"), interval_ns=DAY_NS)).gaps_ns) == 0
