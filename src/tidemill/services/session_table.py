"""Which session of its exchange an instrument is in, asked again and again by a run's guard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidemill.adapters.calendars import get_calendar
from tidemill.model.bars import DAY_NS
from tidemill.model.enums import Session
from tidemill.model.instrument import Instrument
from tidemill.ports.calendar import Schedule

__all__ = ["SessionTable"]


class SessionTable:
    """Tells the exchange's session of an instrument at an instant; calendars are read when first asked.

    Args:
        instruments: in the order of the run.
    """

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._names = [item.calendar for item in instruments]
        self._held: dict[str, tuple[int, int, Schedule]] = {}

    def __call__(self, row: int, now_ns: int) -> Session:
        """Return the session of the instrument in a row."""
        day = now_ns // DAY_NS
        first, last, schedule = self._held.get(self._names[row], (0, 0, None))
        if schedule is None or not (first < day < last):
            first, last = day - 5, day + 30
            schedule = get_calendar(self._names[row]).sessions(first, last)
            self._held[self._names[row]] = (first + 3, last - 3, schedule)
        return Session(int(schedule.phase(np.array([now_ns], np.int64))[0]))
