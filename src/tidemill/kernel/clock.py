"""Trading days, local clocks and exchange sessions, from tables alone: the core asks no system for the time."""

from __future__ import annotations

from tidemill.kernel.access import calendar_at, session_at, transition_at
from tidemill.kernel.compile import kernel

__all__ = ["day_of", "inside_window", "local_ns", "next_close_ns", "session_of"]

_DAY_NS = 86_400_000_000_000
_MINUTE_NS = 60_000_000_000


@kernel
def local_ns(state: int, first: int, rows: int, at: int, now_ns: int) -> int:
    """Return ``now`` on the local clock of a zone whose transitions are ``rows`` rows from ``first``.

    ``at`` is where to start looking; stamps before the first transition use its offset.
    """
    if rows == 0:
        return now_ns
    while at + 1 < rows and transition_at(state, first + at + 1).ts_ns <= now_ns:
        at += 1
    while at > 0 and transition_at(state, first + at).ts_ns > now_ns:
        at -= 1
    return now_ns + transition_at(state, first + at).offset_ns


@kernel
def day_of(state: int, calendar: int, instant_ns: int) -> int:
    """Return the trading day of an instant and move the calendar forward: days since 1970-01-01.

    A calendar never goes back: an earlier instant belongs to the current day.
    """
    cal = calendar_at(state, calendar)
    if instant_ns < cal.next_roll_ns:
        return cal.day
    local = local_ns(state, cal.zone, cal.zone_rows, cal.zone_at, instant_ns)
    day = (local - cal.roll_ns) // _DAY_NS
    cal.day = day
    rows = cal.zone_rows
    at = cal.zone_at
    while at + 1 < rows and transition_at(state, cal.zone + at + 1).ts_ns <= instant_ns:
        at += 1
    cal.zone_at = at
    midnight = (day + 1) * _DAY_NS + cal.roll_ns
    offset = 0
    if rows > 0:
        offset = transition_at(state, cal.zone + at).offset_ns
        if at + 1 < rows and transition_at(state, cal.zone + at + 1).ts_ns <= midnight - offset:
            offset = transition_at(state, cal.zone + at + 1).offset_ns
    cal.began_ns = day * _DAY_NS + cal.roll_ns - (local - instant_ns)
    cal.next_roll_ns = midnight - offset
    return day


@kernel
def _session_row(state: int, calendar: int, now_ns: int) -> int:
    """Return the first session whose after-hours end lies after ``now``, or -1."""
    cal = calendar_at(state, calendar)
    at = cal.session_at
    rows = cal.session_rows
    while at < rows and session_at(state, cal.session + at).post_ns <= now_ns:
        at += 1
    cal.session_at = at
    return cal.session + at if at < rows else -1


@kernel
def session_of(state: int, calendar: int, now_ns: int) -> int:
    """Return the exchange session at ``now``: 0 closed, 1 pre, 2 regular, 3 post; always open without a schedule."""
    if calendar_at(state, calendar).session_rows == 0:
        return 2
    row = _session_row(state, calendar, now_ns)
    if row < 0:
        return 0
    session = session_at(state, row)
    if now_ns < session.pre_ns:
        return 0
    if now_ns < session.open_ns:
        return 1
    if now_ns < session.close_ns:
        return 2
    return 3


@kernel
def next_close_ns(state: int, calendar: int, now_ns: int) -> int:
    """Return when the current or next regular session closes, or the far future without a schedule."""
    if calendar_at(state, calendar).session_rows == 0:
        return 9_223_372_036_854_775_807
    row = _session_row(state, calendar, now_ns)
    if row < 0:
        return 9_223_372_036_854_775_807
    session = session_at(state, row)
    if (
        session.close_ns >= now_ns
        or row + 1 >= calendar_at(state, calendar).session + calendar_at(state, calendar).session_rows
    ):
        return session.close_ns
    return session_at(state, row + 1).close_ns


@kernel
def inside_window(local: int, start_min: int, end_min: int, days: int, is_intraday: int) -> bool:
    """Tell whether a local instant lies in a daily window; a window whose end lies before its start runs overnight.

    Args:
        local: local clock, nanoseconds since 1970-01-01 local.
        start_min, end_min: minutes after local midnight; equal means the whole day.
        days: bit 0 = Monday; an overnight window belongs to the day on which it starts.
        is_intraday: 0 for daily and longer bars, whose hours say nothing: only the weekday counts.
    """
    day = local // _DAY_NS
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    if is_intraday == 0:
        return (days >> weekday) & 1 == 1
    minute = (local - day * _DAY_NS) // _MINUTE_NS
    if start_min == end_min:
        return (days >> weekday) & 1 == 1
    if start_min < end_min:
        return (days >> weekday) & 1 == 1 and start_min <= minute < end_min
    if minute >= start_min:
        return (days >> weekday) & 1 == 1
    return minute < end_min and (days >> ((weekday + 6) % 7)) & 1 == 1
