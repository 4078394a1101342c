"""When the synthetic market is open: schedules handed in by the caller, or plain New York weekdays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, MINUTE_NS
from tidemill.model.errors import ConfigError
from tidemill.model.zones import from_local

__all__ = ["CLOCK_MINUTES", "Clock", "SessionSchedule", "Sessions", "plan_sessions", "weekday_schedule"]

CLOCK_MINUTES = 23 * 60
"""Length of one trading day of index futures: 18:00 of the evening before to 17:00, New York time."""

_CLOCK_NS = CLOCK_MINUTES * MINUTE_NS
_REGULAR_CLOSE = 22 * 60


@dataclass(frozen=True, slots=True)
class SessionSchedule:
    """The trading sessions of one market.

    Args:
        day: datetime64[D][n], the trading day each session belongs to, increasing.
        open_ns: int64[n], UTC nanoseconds of the opening.
        close_ns: int64[n], UTC nanoseconds of the close; early closes are simply earlier.
    """

    day: NDArray[np.datetime64]
    open_ns: NDArray[np.int64]
    close_ns: NDArray[np.int64]

    def __post_init__(self) -> None:
        same = len(self.day) == len(self.open_ns) == len(self.close_ns)
        if not same or np.any(np.diff(self.day) <= np.timedelta64(0, "D")) or np.any(self.open_ns >= self.close_ns):
            raise ConfigError(
                "A session schedule needs three equally long arrays, increasing days, and every opening before its "
                "close; check the rows handed in."
            )


@dataclass(frozen=True, slots=True)
class Clock:
    """The time grid on which variance and the common factor are drawn.

    Times inside the generator are nanoseconds on this clock: day number times 23 hours plus the time since 18:00.
    """

    starts_ns: NDArray[np.int64]
    bin_minutes: int
    steps_per_bin: int

    @property
    def days(self) -> int:
        """Number of trading days."""
        return len(self.starts_ns)

    @property
    def bins(self) -> int:
        """Number of bins in a day."""
        return CLOCK_MINUTES // self.bin_minutes

    @property
    def bin_ns(self) -> int:
        """Length of a bin."""
        return self.bin_minutes * MINUTE_NS

    @property
    def step_ns(self) -> int:
        """Length of a step of the common factor."""
        return self.bin_ns // self.steps_per_bin

    @property
    def day_ns(self) -> int:
        """Length of a day on this clock."""
        return _CLOCK_NS

    def utc(self, clock_ns: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn clock times into UTC nanoseconds."""
        return clock_ns - (day * _CLOCK_NS - self.starts_ns[day])


@dataclass(frozen=True, slots=True)
class Sessions:
    """The days to simulate, with the regular hours of stocks and the long hours of futures."""

    day: NDArray[np.datetime64]
    starts_ns: NDArray[np.int64]
    hours: dict[str, SessionSchedule]

    def offsets(self, calendar: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return opening and close of each day in nanoseconds since 18:00 of the evening before."""
        schedule = self.hours[calendar]
        return schedule.open_ns - self.starts_ns, schedule.close_ns - self.starts_ns


def _new_york_ns(days: NDArray[np.datetime64], minutes: int) -> NDArray[np.int64]:
    """Return the UTC nanosecond of a wall-clock minute on each day; negative minutes are the day before."""
    return from_local(days.astype(np.int64) * DAY_NS + minutes * MINUTE_NS, "America/New_York").ts_ns


def weekday_schedule(start: str, sessions: int, holidays: Sequence[str] = ()) -> SessionSchedule:
    """Return New York sessions 09:30-16:00 on weekdays that are no holiday.

    Args:
        start: first possible day, ``YYYY-MM-DD``.
        sessions: how many sessions.
        holidays: days without trading, ``YYYY-MM-DD``.
    """
    try:
        closed = np.array(list(holidays), dtype="datetime64[D]")
        first = np.datetime64(start, "D")
    except ValueError as error:
        raise ConfigError(f"Dates are written YYYY-MM-DD: {error}.") from error
    count = np.arange(sessions)
    days = np.busday_offset(first, count, roll="forward", holidays=closed)
    return SessionSchedule(days, _new_york_ns(days, 9 * 60 + 30), _new_york_ns(days, 16 * 60))


def _futures_hours(stocks: SessionSchedule, starts_ns: NDArray[np.int64]) -> SessionSchedule:
    """Return 18:00-17:00; on early closes of the stock exchange futures stop a quarter of an hour after it."""
    early = stocks.close_ns - starts_ns < _REGULAR_CLOSE * MINUTE_NS
    closes = np.where(early, stocks.close_ns + 15 * MINUTE_NS, starts_ns + _CLOCK_NS)
    return SessionSchedule(stocks.day, starts_ns, closes)


def _pick(schedule: SessionSchedule, days: NDArray[np.datetime64]) -> SessionSchedule:
    rows = np.searchsorted(schedule.day, days)
    return SessionSchedule(days, schedule.open_ns[rows], schedule.close_ns[rows])


def plan_sessions(
    start: str,
    sessions: int,
    holidays: Sequence[str],
    schedule: SessionSchedule | Mapping[str, SessionSchedule] | None,
) -> Sessions:
    """Settle which days are simulated and when each market is open.

    Args:
        schedule: nothing (weekdays minus ``holidays``), the stock sessions, or schedules by calendar name
            (``XNYS`` and, if wanted, ``CME``). With two, only days on which both trade are used.

    Raises:
        ConfigError: too few sessions from ``start``, or sessions outside the 18:00-17:00 day.
    """
    if sessions < 1:
        raise ConfigError("A market needs at least one session; raise sessions.")
    given = {"XNYS": schedule} if isinstance(schedule, SessionSchedule) else dict(schedule or {})
    stocks = given.get("XNYS") or weekday_schedule(start, sessions, holidays)
    days = stocks.day[stocks.day >= np.datetime64(start, "D")]
    if "CME" in given:
        days = np.intersect1d(days, given["CME"].day)
    days = days[:sessions]
    if len(days) < sessions:
        raise ConfigError(f"The schedule holds {len(days)} sessions from {start}, {sessions} are asked; hand in more.")
    starts = _new_york_ns(days, -6 * 60)
    regular = _pick(stocks, days)
    futures = _pick(given["CME"], days) if "CME" in given else _futures_hours(regular, starts)
    planned = Sessions(days, starts, {"XNYS": regular, "CME": futures})
    for calendar in planned.hours:
        opens, closes = planned.offsets(calendar)
        if opens.min() < 0 or closes.max() > _CLOCK_NS:
            raise ConfigError(f"{calendar}: every session must lie between 18:00 of the evening before and 17:00.")
    return planned
