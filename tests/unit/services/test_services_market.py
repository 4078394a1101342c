from __future__ import annotations

from datetime import date, timedelta

import pytest

from tidemill.adapters.calendars import get_calendar, market_status
from tidemill.model.errors import ConfigError
from tidemill.services.market import Horizon, holiday_name, is_eligible, log_line, markets, parse_time

EPOCH = date(1970, 1, 1)
# Days the NYSE closed without a holiday: attacks, funerals, a storm.
UNPLANNED = {
    *(date(2001, 9, day) for day in (11, 12, 13, 14)),
    date(2004, 6, 11),
    date(2007, 1, 2),
    date(2012, 10, 29),
    date(2012, 10, 30),
    date(2018, 12, 5),
    date(2025, 1, 9),
}


def look(symbol: str, time: str):
    return markets([symbol], parse_time(time))[0]


@pytest.mark.parametrize(
    ("time", "session", "intraday", "swing"),
    [
        ("2024-03-08T08:59:59Z", "CLOSED", False, False),
        ("2024-03-08T09:00:00Z", "PRE_MARKET", False, True),
        ("2024-03-08T14:30:00Z", "REGULAR", True, True),
        ("2024-03-08T20:59:59Z", "REGULAR", True, True),
        ("2024-03-08T21:00:00Z", "AFTER_HOURS", False, True),
        ("2024-03-09T01:00:00Z", "CLOSED", False, False),
        ("2024-03-11T13:29:59Z", "PRE_MARKET", False, True),  # clocks went forward over the weekend
        ("2024-03-11T13:30:00Z", "REGULAR", True, True),
    ],
)
def test_stock_sessions_and_who_may_trade(time: str, session: str, intraday: bool, swing: bool) -> None:
    view = look("AAPL", time)
    assert (view.session, view.may_trade_intraday, view.may_trade_swing) == (session, intraday, swing)
    assert view.status.is_open == (session == "REGULAR")


@pytest.mark.parametrize(
    ("symbol", "time", "day", "because", "is_early"),
    [
        ("AAPL", "2024-11-28T15:00:00Z", "2024-11-29", "Thanksgiving Day", True),
        ("AAPL", "2024-11-29T15:00:00Z", "2024-11-29", "", True),
        ("AAPL", "2024-11-30T15:00:00Z", "2024-12-02", "Weekend", False),
        ("AAPL", "2025-01-09T15:00:00Z", "2025-01-10", "Holiday", False),
        ("AAPL", "2024-03-08T03:00:00Z", "2024-03-08", "", False),
        ("NQ", "2024-03-10T22:30:00Z", "2024-03-11", "", False),
        ("NQ", "2024-03-09T15:00:00Z", "2024-03-11", "Weekend", False),
        ("NQ", "2024-11-28T15:00:00Z", "2024-11-28", "", True),
        ("BTC-USD", "2024-12-25T15:00:00Z", "2024-12-25", "", False),
    ],
)
def test_trading_day_and_reason(symbol: str, time: str, day: str, because: str, is_early: bool) -> None:
    view = look(symbol, time)
    assert (view.trading_day.isoformat(), view.closed_because, view.is_early_close) == (day, because, is_early)


def test_every_planned_holiday_of_the_exchange_has_its_name_and_no_other_day_needs_one() -> None:
    first, last = date(2000, 1, 1), date(2036, 1, 1)
    open_days = {
        EPOCH + timedelta(int(day))
        for day in get_calendar("XNYS").sessions((first - EPOCH).days, (last - EPOCH).days).day
    }
    closed = [first + timedelta(n) for n in range((last - first).days)]
    closed = [day for day in closed if day.weekday() < 5 and day not in open_days]
    assert [day for day in closed if not holiday_name(day) and day not in UNPLANNED] == []
    assert [day for day in UNPLANNED if holiday_name(day)] == []
    assert len(closed) > 320


def test_a_name_never_closes_a_market() -> None:
    """New Year's Day 2022 was a Saturday: observed by nobody at the exchange, which traded on Friday."""
    assert holiday_name(date(2021, 12, 31)) == "New Year's Day"
    assert look("AAPL", "2021-12-31T15:00:00Z").closed_because == ""


def test_one_line_tells_it_all() -> None:
    assert look("AAPL", "2024-11-29T15:00:00Z").text == "Market open, closes in 3 h 00 min; early close on 2024-11-29"
    assert look("BTC-USD", "2024-11-29T15:00:00Z").text == "Market open, next trading day in 9 h 00 min"
    assert log_line(look("NQ", "2024-03-09T15:00:00Z")) == "NQ (CME): Market closed, opens in 31 h 00 min; Weekend"


def test_without_symbols_every_calendar_is_told() -> None:
    views = markets([], parse_time("2024-03-08T15:00:00Z"))
    assert [view.symbol for view in views] == ["24/7", "CME", "FX", "XNYS"]
    assert all(view.status.is_open for view in views)


def test_plain_values_hold_times_in_utc() -> None:
    plain = look("AAPL", "2024-03-08T10:00:00-05:00").as_plain()
    assert (plain["now"], plain["next_close"], plain["next_open"]) == (
        "2024-03-08T15:00:00Z",
        "2024-03-08T21:00:00Z",
        "2024-03-11T13:30:00Z",
    )
    assert plain["seconds_until_change"] == 6 * 3600


def test_the_daily_pause_of_futures_is_no_time_for_anybody() -> None:
    status = market_status(get_calendar("CME"), parse_time("2024-03-07T22:30:00Z"))
    assert [is_eligible(status, horizon) for horizon in Horizon] == [False, False]


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T01:00:01+01:00", 10**9),
        ("1970-01-01 00:00:01.000002", 10**9 + 2000),
        ("1970-01-02", 86_400 * 10**9),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, ns: int) -> None:
    assert parse_time(text) == ns


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ConfigError, match="2024-11-29T14:30:00Z"):
        parse_time("tomorrow")
