"""Use case: is the market open, for how long, and may one trade now?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from tidemill.adapters.calendars import calendar_names, describe_status, get_calendar, market_status
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.enums import Session
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import infer_instrument
from tidemill.model.units import MICROS
from tidemill.model.zones import to_local
from tidemill.ports.calendar import Calendar, MarketStatus

__all__ = ["Horizon", "MarketView", "holiday_name", "is_eligible", "log_line", "market_of", "markets", "parse_time"]

_EPOCH = date(1970, 1, 1)
_MONDAY, _THURSDAY, _SATURDAY = 0, 3, 5
_JUNETEENTH_SINCE = 2022  # first year in which US exchanges closed for it
_WORDS = {
    Session.CLOSED: "CLOSED",
    Session.PRE: "PRE_MARKET",
    Session.REGULAR: "REGULAR",
    Session.POST: "AFTER_HOURS",
}


class Horizon(StrEnum):
    """How long positions are meant to be held."""

    INTRADAY = "intraday"
    SWING = "swing"


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the market of a symbol does at one instant.

    Args:
        symbol: the symbol asked for, or the calendar's name.
        status: session, next open and close.
        session: ``PRE_MARKET``, ``REGULAR``, ``AFTER_HOURS`` or ``CLOSED``.
        trading_day: the day that runs or comes next; a CME session of Sunday evening is Monday's.
        is_early_close: that day ends earlier than others.
        closed_because: ``Weekend``, the holiday's name, ``Holiday`` where no rule names it; empty on trading days.
        text: one line for people.
    """

    symbol: str
    status: MarketStatus
    session: str
    trading_day: date
    is_early_close: bool
    closed_because: str
    text: str

    @property
    def may_trade_intraday(self) -> bool:
        """Whether an intraday strategy may enter now."""
        return is_eligible(self.status, Horizon.INTRADAY)

    @property
    def may_trade_swing(self) -> bool:
        """Whether a swing strategy may enter now."""
        return is_eligible(self.status, Horizon.SWING)

    def as_plain(self) -> dict[str, Any]:
        """Return the view as plain values, times in UTC."""
        status = self.status
        return {
            "symbol": self.symbol,
            "calendar": status.calendar,
            "session": self.session,
            "is_open": status.is_open,
            "now": _iso(status.now_ns),
            "next_open": _iso(status.next_open_ns),
            "next_close": _iso(status.next_close_ns),
            "seconds_until_change": status.until_change_ns // 1_000_000_000,
            "trading_day": self.trading_day.isoformat(),
            "is_early_close": self.is_early_close,
            "closed_because": self.closed_because,
            "may_trade_intraday": self.may_trade_intraday,
            "may_trade_swing": self.may_trade_swing,
            "text": self.text,
        }


def is_eligible(status: MarketStatus, horizon: Horizon) -> bool:
    """Tell whether a strategy of a horizon may enter: intraday in the regular session, swing also before and after it.

    A swing position outlives the session, so what matters is that the market has prices at all today.
    """
    if horizon is Horizon.INTRADAY:
        return status.session is Session.REGULAR
    return status.session is not Session.CLOSED


def market_of(name: str, calendar: Calendar, now_ns: int) -> MarketView:
    """Return what one market does at an instant.

    Args:
        name: what the view is called.
        now_ns: UTC nanoseconds.

    Raises:
        DataError: the calendar does not reach that far.
    """
    status = market_status(calendar, now_ns)
    day, is_early = _trading_day(calendar, now_ns)
    because = _why_closed(calendar, now_ns) if status.session is Session.CLOSED else ""
    notes = [_describe(status), because, f"early close on {_date(day)}" if is_early else ""]
    text = "; ".join(note for note in notes if note)
    return MarketView(name, status, _WORDS[status.session], _date(day), is_early, because, text)


def markets(symbols: Sequence[str], now_ns: int) -> list[MarketView]:
    """Return what the markets of symbols do at an instant; of every calendar when no symbol is named."""
    if not symbols:
        return [market_of(name, get_calendar(name), now_ns) for name in calendar_names()]
    return [market_of(symbol, get_calendar(infer_instrument(symbol).calendar), now_ns) for symbol in symbols]


def log_line(view: MarketView) -> str:
    """Return the line a log takes."""
    return f"{view.symbol} ({view.status.calendar}): {view.text}"


def parse_time(text: str) -> int:
    """Return UTC nanoseconds of an ISO time; one without zone is UTC.

    Raises:
        ConfigError: the text is no time.
    """
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no time; write for example 2024-11-29T14:30:00Z.") from None
    whole = np.datetime64(stamp.replace(tzinfo=None), "us").astype(np.int64)
    offset = stamp.utcoffset() or timedelta()
    return (int(whole) - round(offset.total_seconds()) * MICROS) * 1000


def holiday_name(day: date) -> str:
    """Return the name of the US market holiday on or observed on a day, or nothing.

    Whether the market is closed is the calendar's to say; this only names it (NYSE Rule 7.2: holidays that fall on a
    Sunday are observed on Monday, those on a Saturday on Friday).
    """
    for year in (day.year, day.year + 1):
        for name, own in _holidays(year):
            observed = own + timedelta({5: -1, 6: 1}.get(own.weekday(), 0))
            if day in {own, observed}:
                return name
    return ""


def _holidays(year: int) -> list[tuple[str, date]]:
    juneteenth = [("Juneteenth", date(year, 6, 19))] if year >= _JUNETEENTH_SINCE else []
    return [
        ("New Year's Day", date(year, 1, 1)),
        ("Martin Luther King Jr. Day", _nth(year, 1, _MONDAY, 3)),
        ("Washington's Birthday", _nth(year, 2, _MONDAY, 3)),
        ("Good Friday", _easter(year) - timedelta(2)),
        ("Memorial Day", _nth(year, 6, _MONDAY, 1) - timedelta(7)),
        *juneteenth,
        ("Independence Day", date(year, 7, 4)),
        ("Labor Day", _nth(year, 9, _MONDAY, 1)),
        ("Thanksgiving Day", _nth(year, 11, _THURSDAY, 4)),
        ("Christmas Day", date(year, 12, 25)),
    ]


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    """Return the n-th weekday of a month."""
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (number - 1))


def _easter(year: int) -> date:
    """Return Easter Sunday (anonymous Gregorian computus, Nature, 20 April 1876)."""
    century, short = divmod(year, 100)
    golden = year % 19
    lunar = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - lunar + 15) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (short // 4) - epact - short % 4) % 7
    shift = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def _trading_day(calendar: Calendar, now_ns: int) -> tuple[int, bool]:
    """Return the trading day that runs or comes next, and whether it ends earlier than days around it do."""
    today = now_ns // DAY_NS
    schedule = calendar.sessions(today - 30, today + 30)
    at = int(np.searchsorted(schedule.post_close_ns, now_ns, side="right"))
    minutes = (to_local(schedule.close_ns, calendar.zone) % DAY_NS) // MINUTE_NS
    usual = int(np.bincount(minutes).argmax())
    return int(schedule.day[at]), bool(usual > 0 and minutes[at] < usual)


def _why_closed(calendar: Calendar, now_ns: int) -> str:
    """Name the reason for a whole day without trading; nothing on days that have a session."""
    day = int(to_local(np.array([now_ns], np.int64), calendar.zone)[0]) // DAY_NS
    if len(calendar.sessions(day, day + 1)):
        return ""
    today = _date(day)
    return "Weekend" if today.weekday() >= _SATURDAY else holiday_name(today) or "Holiday"


def _describe(status: MarketStatus) -> str:
    """Return one line for people; where one session follows the other at once, the market does not close."""
    if not status.is_open or status.next_open_ns > status.next_close_ns:
        return describe_status(status)
    hours, rest = divmod(status.until_change_ns, HOUR_NS)
    return f"Market open, next trading day in {hours} h {rest // MINUTE_NS:02d} min"


def _date(day: int) -> date:
    return _EPOCH + timedelta(int(day))


def _iso(ts_ns: int) -> str:
    return f"{np.datetime64(ts_ns, 'ns').astype('datetime64[s]')}Z"
