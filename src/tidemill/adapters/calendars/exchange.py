"""NYSE and CME sessions, built by pandas_market_calendars once and then read from disk.

Importing that library costs half a second and brings pandas, so a built decade is kept as a small array; a warm
process never imports it.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidemill.kernel.compile import cache_root
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.errors import DataError
from tidemill.model.zones import from_local, to_local
from tidemill.ports.calendar import Schedule

__all__ = ["CME", "FIRST_YEAR", "LAST_YEAR", "XNYS", "ExchangeCalendar"]

FIRST_YEAR, LAST_YEAR = 1970, 2099

_EPOCH = date(1970, 1, 1)
# Raise when the corrections below change, so that arrays on disk are built again.
_REVISION = 2
_CHICAGO = "America/Chicago"


def _day(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - _EPOCH).days


# CME Group announcements of hours for equity index futures, Central time, as trading days:
# from 19 Nov 2012 the day ends 16:15 after a halt 15:15-15:30; from 21 Sep 2015 it ends 16:00; from 28 Jun 2021
# there is no halt. The library writes 16:00 and no halt for all years.
_LATER_CLOSE_FROM = _day(2012, 11, 19)
_LATER_CLOSE_UNTIL = _day(2015, 9, 21)
_HALT_UNTIL = _day(2021, 6, 28)


# The NYSE closed at 13:00 on the last day of 1999 (no trades of that day's afternoon exist); the library has 16:00.
_MILLENNIUM_EVE = _day(1999, 12, 31)


@dataclass(frozen=True, slots=True)
class ExchangeCalendar:
    """One exchange's sessions, holidays and early closes.

    Args:
        name: the name an instrument uses.
        zone: IANA zone of the exchange.
        library_name: the calendar's name in pandas_market_calendars.
        pre_ns: length of pre-market trading before the open.
        post_ns: length of after-hours trading after the close, early closes included.
        has_halt: whether the historical CME hours apply.
    """

    name: str
    zone: str
    library_name: str
    pre_ns: int = 0
    post_ns: int = 0
    has_halt: bool = False

    def sessions(self, start_day: int, end_day: int) -> Schedule:
        """Return the sessions of trading days in [start_day, end_day).

        Raises:
            DataError: the days lie outside 1970-2099.
        """
        first, last = (1970 + int(day // 365.2425) for day in (start_day - 1, max(end_day, start_day) + 1))
        if first < FIRST_YEAR - 1 or last > LAST_YEAR:
            raise DataError(f"The {self.name} calendar covers {FIRST_YEAR} to {LAST_YEAR}; the days asked lie outside.")
        decades = range(max(first, FIRST_YEAR) // 10 * 10, last + 1, 10)
        rows = np.concatenate([self._decade(year) for year in decades])
        rows = rows[slice(*np.searchsorted(rows[:, 0], [start_day, end_day]))]
        day, opens, closes, halts, resumes = (np.ascontiguousarray(column) for column in rows.T)
        return Schedule(day, opens, closes, halts, resumes, opens - self.pre_ns, closes + self.post_ns)

    def _decade(self, year: int) -> NDArray[np.int64]:
        """Return int64[n, 5] (day, open, close, break start, break end) of ten years, from disk where possible."""
        release = version("pandas-market-calendars")
        path = cache_root() / "calendars" / f"{self.name}-{release}-r{_REVISION}-{year}.npy"
        try:
            rows = np.load(path)
        except (OSError, ValueError, EOFError):
            rows = None
        if rows is None or rows.ndim != 2 or rows.shape[1:] != (5,) or rows.dtype != np.int64:
            rows = self._build(date(year, 1, 1), date(min(year + 9, LAST_YEAR), 12, 31))
            _store(path, rows)
        return np.asarray(rows, np.int64)

    def _build(self, first: date, last: date) -> NDArray[np.int64]:
        """Ask the library for the sessions of a stretch of days, both ends included."""
        import pandas_market_calendars  # type: ignore[import-untyped]

        with warnings.catch_warnings():
            # The library still calls names that pandas will rename.
            warnings.simplefilter("ignore", DeprecationWarning)
            table = pandas_market_calendars.get_calendar(self.library_name).schedule(
                start_date=first.isoformat(), end_date=last.isoformat(), tz="UTC"
            )
        day = table.index.to_numpy().astype("datetime64[D]").astype(np.int64)
        opens, closes = (
            table[column].dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
            for column in ("market_open", "market_close")
        )
        if self.name == "XNYS":
            closes = np.where(day == _MILLENNIUM_EVE, day * DAY_NS + 18 * HOUR_NS, closes)
        halts, resumes = closes, closes
        if self.has_halt:
            closes, halts, resumes = _historical_hours(day, closes)
        return np.ascontiguousarray(np.stack([day, opens, closes, halts, resumes], axis=1))


def _historical_hours(
    day: NDArray[np.int64], closes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return closes, halt starts and halt ends as CME's hours of each period had them."""
    regular = to_local(closes, _CHICAGO) == day * DAY_NS + 16 * HOUR_NS
    later = regular & (day >= _LATER_CLOSE_FROM) & (day < _LATER_CLOSE_UNTIL)
    closes = np.where(later, closes + 15 * MINUTE_NS, closes)
    halted = regular & (day >= _LATER_CLOSE_FROM) & (day < _HALT_UNTIL)
    halt = from_local(day * DAY_NS + 15 * HOUR_NS + 15 * MINUTE_NS, _CHICAGO).ts_ns
    return closes, np.where(halted, halt, closes), np.where(halted, halt + 15 * MINUTE_NS, closes)


def _store(path: Path, rows: NDArray[np.int64]) -> None:
    """Write an array so that a reader never sees half of it; a folder that cannot be written costs only time."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            np.save(file, rows)
        draft.replace(path)


# Pre-market from 04:00 and after-hours to 20:00 New York; on early closes after-hours trading ends 17:00 (NYSE
# Arca and Nasdaq hours): four hours after the close in both cases.
XNYS = ExchangeCalendar("XNYS", "America/New_York", "NYSE", 5 * HOUR_NS + 30 * MINUTE_NS, 4 * HOUR_NS)
CME = ExchangeCalendar("CME", "America/New_York", "CME Globex Equity", has_halt=True)
