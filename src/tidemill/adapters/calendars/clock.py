"""The market clock: which session runs now, when the next opens, when this one closes."""

from __future__ import annotations

import numpy as np

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.enums import Session
from tidemill.model.errors import DataError
from tidemill.ports.calendar import Calendar, MarketStatus

__all__ = ["describe_status", "market_status"]

# The longest closure of the NYSE since 1970 was six days (September 2001); two weeks surely hold a session.
_LOOK_AHEAD_DAYS = 14
_WORDS = {
    Session.PRE: "Pre-market",
    Session.REGULAR: "Market open",
    Session.POST: "After-hours",
    Session.CLOSED: "Market closed",
}


def market_status(calendar: Calendar, now_ns: int) -> MarketStatus:
    """Say whether the market is open at an instant, and when that changes.

    Args:
        calendar: the exchange's calendar.
        now_ns: UTC nanoseconds.

    Raises:
        DataError: the calendar has no session in the two weeks around the instant.
    """
    today = now_ns // DAY_NS
    schedule = calendar.sessions(today - 2, today + _LOOK_AHEAD_DAYS)
    session = Session(int(schedule.phase(np.array([now_ns], np.int64))[0]))
    paused = schedule.break_start_ns < schedule.break_end_ns
    opens = np.sort(np.concatenate([schedule.open_ns, schedule.break_end_ns[paused]]))
    closes = np.sort(np.concatenate([schedule.close_ns, schedule.break_start_ns[paused]]))
    later_opens, later_closes = opens[opens > now_ns], closes[closes > now_ns]
    if not len(later_opens) or not len(later_closes):
        raise DataError(f"The {calendar.name} calendar has no session within {_LOOK_AHEAD_DAYS} days; check the clock.")
    is_open = session is Session.REGULAR
    next_open = int(later_opens[0])
    next_close = int(later_closes[0] if is_open else closes[closes > next_open][0])
    return MarketStatus(calendar.name, now_ns, session, is_open, next_open, next_close)


def describe_status(status: MarketStatus) -> str:
    """Return one line for people: ``Market open, closes in 2 h 05 min``."""
    hours, rest = divmod(status.until_change_ns, HOUR_NS)
    verb = "closes" if status.is_open else "opens"
    return f"{_WORDS[status.session]}, {verb} in {hours} h {rest // MINUTE_NS:02d} min"
