"""Session bars, ranges and averages against values computed independently with pandas."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.files import read_bars, read_corporate_actions
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.enums import EventKind
from tidemill.model.resample import aggregate
from tidemill.model.zones import from_local, trading_day

_EPOCH = date(1970, 1, 1)


def _days(bars: BarTable, calendar: str) -> Any:
    roll = -420 if calendar == "CME" else 0
    edges = trading_day(bars.ts[[0, -1]], "America/New_York", roll)
    return get_calendar(calendar).sessions(int(edges[0]), int(edges[1]) + 1)


def _rows(bars: BarTable) -> list[dict[str, float]]:
    names = ("open", "high", "low", "close", "volume")
    return [{name: float(getattr(bars, name)[at]) for name in names} for at in range(len(bars))]


def _text(day: int) -> str:
    return date.fromordinal(_EPOCH.toordinal() + day).isoformat()


@pytest.mark.parametrize("symbol", ["AAPL", "BAC", "GOOG", "IBM", "SPY"])
def test_stock_session_bars(shared_data: Path, known_answers: dict[str, Any], symbol: str) -> None:
    expected = known_answers[f"{symbol} 1min regular session (09:30-16:00 New York) per day"]
    bars = read_bars(shared_data / f"equity/1min/{symbol}.parquet")[0]
    schedule = _days(bars, "XNYS")
    # The table counts to 16:00 on early-close days too, after-hours minutes included.
    closes = schedule.open_ns + 390 * MINUTE_NS
    daily = aggregate(bars, DAY_NS, schedule.open_ns, closes)
    counts = [
        int(np.count_nonzero((bars.ts >= a) & (bars.ts < b))) for a, b in zip(schedule.open_ns, closes, strict=True)
    ]
    got = {
        _text(int(day)): {"bars": count, **row}
        for day, count, row in zip(schedule.day, counts, _rows(daily), strict=True)
    }
    assert got == expected
    assert daily.duration_ns == 23_400 * 10**9


def test_spy_minutes_add_up_to_the_daily_file(shared_data: Path) -> None:
    minutes = read_bars(shared_data / "equity/1min/SPY.parquet")[0]
    schedule = _days(minutes, "XNYS")
    built = aggregate(minutes, DAY_NS, schedule.open_ns, schedule.close_ns)
    daily = read_bars(shared_data / "equity/1d/SPY.parquet", start="2013-10-04", end="2013-10-11")[0]
    assert np.array_equal(built.ts, daily.ts)
    assert np.array_equal(built.close, daily.close)
    assert np.array_equal(built.volume, daily.volume)


def test_vwap_and_five_minute_bars(shared_data: Path, known_answers: dict[str, Any]) -> None:
    bars = read_bars(shared_data / "equity/1min/SPY.parquet", start="2013-10-07", end="2013-10-07")[0]
    schedule = _days(bars, "XNYS")
    regular = bars.between(int(schedule.open_ns[0]), int(schedule.close_ns[0]))
    typical = (regular.high + regular.low + regular.close) / 3
    vwap = float(np.sum(typical * regular.volume) / np.sum(regular.volume))
    key = "SPY 2013-10-07 regular session VWAP, typical price (h+l+c)/3 per minute weighted by volume"
    assert vwap == pytest.approx(known_answers[key], abs=5e-7)
    five = aggregate(bars, 5 * MINUTE_NS, schedule.open_ns, schedule.close_ns)
    assert len(five) == 78
    key = "SPY 2013-10-07 first three 5-minute bars (bar start 13:30, 13:35, 13:40 UTC)"
    assert _rows(five.rows(0, 3)) == known_answers[key]
    midnight = five.ts[0] // DAY_NS * DAY_NS
    assert ((five.ts[:3] - midnight) // MINUTE_NS).tolist() == [810, 815, 820]


def test_futures_sessions_and_ranges(shared_data: Path, known_answers: dict[str, Any]) -> None:
    bars = read_bars(shared_data / "future/1min/NQ_front.parquet")[0]
    schedule = _days(bars, "CME")
    names = [_text(int(day)) for day in schedule.day]
    daily = aggregate(bars, DAY_NS, schedule.open_ns, schedule.close_ns)
    counts = [
        int(np.count_nonzero((bars.ts >= a) & (bars.ts < b)))
        for a, b in zip(schedule.open_ns, schedule.close_ns, strict=True)
    ]
    got = {name: {"bars": n, **row} for name, n, row in zip(names, counts, _rows(daily), strict=True)}
    assert got == known_answers["NQ 1min per trading session (18:00 previous evening to 17:00 New York)"]
    windows = {
        "NQ 1min opening range 09:30-09:44 New York per session": (570, 585, "America/New_York"),
        "NQ 1min London range 09:00-15:29 Europe/Stockholm wall clock (03:00-09:29 New York) per session": (
            540, 930, "Europe/Stockholm",
        ),
    }  # fmt: skip
    for key, (first, last, zone) in windows.items():
        opens, closes = (from_local(schedule.day * DAY_NS + m * MINUTE_NS, zone).ts_ns for m in (first, last))
        ranges = aggregate(bars, DAY_NS, opens, closes)
        got = {name: {"high": row["high"], "low": row["low"]} for name, row in zip(names, _rows(ranges), strict=True)}
        assert got == known_answers[key], key


def test_price_return_and_split(shared_data: Path, known_answers: dict[str, Any]) -> None:
    spy = read_bars(shared_data / "equity/1d/SPY.parquet")[0]
    key = "SPY 1d price return 1998-01-02 close to 2021-03-31 close"
    assert spy.close[-1] / spy.close[0] - 1 == pytest.approx(known_answers[key], abs=5e-7)
    expected = known_answers["AAPL 2014-06-09 split"]
    actions = read_corporate_actions(shared_data / "reference/corporate_actions.parquet", ["AAPL"])
    day = (date(2014, 6, 9) - _EPOCH).days
    split = actions[(actions["ex_day"] == day) & (actions["kind"] == EventKind.SPLIT)]
    assert split["value"].tolist() == [expected["ratio"]]
    assert split["ts_ns"][0] == day * DAY_NS + 13 * HOUR_NS + 30 * MINUTE_NS
    aapl = read_bars(shared_data / "equity/1d/AAPL.parquet", start="2014-06-06", end="2014-06-09")[0]
    assert aapl.close.tolist() == [expected["raw close 2014-06-06"], expected["raw close 2014-06-09"]]
    assert aapl.ts[1] == split["ts_ns"][0]
