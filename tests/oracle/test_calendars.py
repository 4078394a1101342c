"""Our calendars against exchange_calendars, reference tables and the real bars of CME futures."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tidemill.adapters.calendars import get_calendar, market_status
from tidemill.adapters.files import read_bars
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.enums import Session
from tidemill.model.zones import to_local

_EPOCH = date(1970, 1, 1)


# Late opens (moments of silence, the memorial of 2002) and one early stop that the other source leaves out.
_MINUTES_APART = {
    "2001-09-17": 3,
    "2001-10-08": 1,
    "2002-09-11": 150,
    "2003-03-20": 2,
    "2004-06-07": 2,
    "2005-06-01": -4,
    "2006-12-27": 2,
}


def _day(text: str) -> int:
    return (date.fromisoformat(text) - _EPOCH).days


def _differences(days: NDArray[np.int64], ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> dict[str, int]:
    at = np.flatnonzero(ours != theirs)
    return {
        date.fromordinal(_EPOCH.toordinal() + int(days[i])).isoformat(): int((ours[i] - theirs[i]) // MINUTE_NS)
        for i in at
    }


def test_nyse_equals_exchange_calendars_every_session() -> None:
    library = pytest.importorskip("exchange_calendars")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outside = library.get_calendar("XNYS", start="2006-01-01").schedule
    days = outside.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    ours = get_calendar("XNYS").sessions(int(days[0]), int(days[-1]) + 1)
    assert np.array_equal(ours.day, days)
    opens, closes = (
        outside[column].dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
        for column in ("open", "close")
    )
    assert _differences(days, ours.open_ns, opens) == {"2006-12-27": _MINUTES_APART["2006-12-27"]}
    assert _differences(days, ours.close_ns, closes) == {}


def test_nyse_equals_the_reference_table(shared_data: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    table = duckdb.execute(
        "SELECT session::DATE - DATE '1970-01-01' AS day, epoch_ns(open) AS o, epoch_ns(close) AS c "
        "FROM read_parquet(?)",
        [str(shared_data / "reference/calendar/XNYS_sessions.parquet")],
    ).fetchnumpy()
    ours = get_calendar("XNYS").sessions(int(table["day"][0]), int(table["day"][-1]) + 1)
    assert len(ours) > 7000
    assert np.array_equal(ours.day, table["day"])
    found = _differences(ours.day, ours.open_ns, table["o"]) | _differences(ours.day, ours.close_ns, table["c"])
    assert found == _MINUTES_APART


@pytest.mark.parametrize("name", ["future/1min/NQ_front", "future/1min/ESZ2013", "future/1min/ESH2014"])
def test_every_real_futures_minute_lies_in_a_session(shared_data: Path, name: str) -> None:
    bars = read_bars(shared_data / f"{name}.parquet")[0]
    schedule = get_calendar("CME").sessions(int(bars.ts[0] // DAY_NS) - 1, int(bars.ts[-1] // DAY_NS) + 2)
    assert np.all(schedule.phase(bars.ts) == Session.REGULAR)
    assert np.all(schedule.phase(bars.ts + MINUTE_NS - 1) == Session.REGULAR)


def _minutes_of_day(ts: NDArray[np.int64]) -> NDArray[np.int64]:
    return to_local(ts, "America/New_York") % DAY_NS // MINUTE_NS


def test_nasdaq_futures_sessions_are_full_to_the_minute(shared_data: Path) -> None:
    bars = read_bars(shared_data / "future/1min/NQ_front.parquet")[0]
    schedule = get_calendar("CME").sessions(_day("2023-11-20"), _day("2023-11-30"))
    held = [
        int(np.count_nonzero((bars.ts >= a) & (bars.ts < b)))
        for a, b in zip(schedule.open_ns, schedule.close_ns, strict=True)
    ]
    assert held == [1380, 1380, 1380, 1139, 1155, 1380, 1380, 1380]
    assert (schedule.close_ns - schedule.open_ns).tolist()[3:5] == [19 * HOUR_NS, 19 * HOUR_NS + 15 * MINUTE_NS]
    assert not np.any(_minutes_of_day(bars.ts) // 60 == 17)


def test_the_quarter_hour_halt_of_2013_has_no_bars(shared_data: Path) -> None:
    bars = read_bars(shared_data / "future/1min/ESZ2013.parquet")[0]
    schedule = get_calendar("CME").sessions(_day("2013-10-07"), _day("2013-10-12"))
    for start, end in zip(schedule.break_start_ns, schedule.break_end_ns, strict=True):
        assert end - start == 15 * MINUTE_NS
        assert not np.any((bars.ts >= start) & (bars.ts < end))
        assert np.any(bars.ts == start - MINUTE_NS) and np.any(bars.ts == end)


def test_holidays_and_early_closes_of_known_answers(known_answers: dict[str, Any]) -> None:
    calendar = get_calendar("XNYS")
    schedule = calendar.sessions(_day("2025-01-01"), _day("2027-01-01"))
    weekdays = {d for d in range(_day("2025-01-01"), _day("2027-01-01")) if (d + 3) % 7 < 5}
    assert weekdays - set(schedule.day.tolist()) == {_day(text) for text in known_answers["XNYS holidays 2025-2026"]}
    close_minute = _minutes_of_day(schedule.close_ns)
    early = set(schedule.day[close_minute == 13 * 60].tolist())
    assert early == {_day(text) for text in known_answers["XNYS early closes 2025-2026 (13:00 New York)"]}
    assert set(close_minute.tolist()) == {13 * 60, 16 * 60}
    post = _minutes_of_day(schedule.post_close_ns)
    assert np.array_equal(post, np.where(close_minute == 13 * 60, 17 * 60, 20 * 60))
    assert set(_minutes_of_day(schedule.pre_open_ns).tolist()) == {4 * 60}


@pytest.mark.parametrize(
    ("day", "utc_hour"), [("2025-03-07", 14), ("2025-03-10", 13), ("2025-10-31", 13), ("2025-11-03", 14)]
)
def test_new_york_opens_follow_the_clock_change(day: str, utc_hour: int) -> None:
    schedule = get_calendar("XNYS").sessions(_day(day), _day(day) + 1)
    assert schedule.open_ns[0] - _day(day) * DAY_NS == utc_hour * HOUR_NS + 30 * MINUTE_NS


def test_the_market_clock_walks_through_an_early_close() -> None:
    calendar, day = get_calendar("XNYS"), _day("2025-11-28") * DAY_NS
    seen = [market_status(calendar, day + int(hour * HOUR_NS)) for hour in (8.5, 9.5, 15, 18.5, 22.5)]
    assert [status.session for status in seen] == [
        Session.CLOSED, Session.PRE, Session.REGULAR, Session.POST, Session.CLOSED,
    ]  # fmt: skip
    assert seen[2].is_open and seen[2].next_close_ns == day + 18 * HOUR_NS
    monday = _day("2025-12-01") * DAY_NS + 14 * HOUR_NS + 30 * MINUTE_NS
    assert seen[2].next_open_ns == seen[3].next_open_ns == seen[4].next_open_ns == monday


def test_the_futures_clock_pauses_at_five_in_new_york() -> None:
    status = market_status(get_calendar("CME"), _day("2023-11-28") * DAY_NS + 22 * HOUR_NS + 30 * MINUTE_NS)
    assert status.session is Session.CLOSED
    assert status.until_change_ns == 30 * MINUTE_NS
