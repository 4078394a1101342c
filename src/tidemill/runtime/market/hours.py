"""The stretches in which an instrument trades, kept at hand around the present."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.kernel.candle_records import SEGMENT
from tidemill.model.bars import DAY_NS
from tidemill.ports.calendar import Calendar, Schedule

__all__ = ["Hours"]

# A calendar day may begin the evening before or end the morning after in UTC; three days hold any session whole.
_MARGIN_DAYS = 3
_AHEAD_DAYS = 370


class Hours:
    """The trading stretches of one calendar; more are fetched when the present comes near the end of what is held.

    Args:
        calendar: the exchange's calendar.
        extended: also pre-market and after-hours.
    """

    def __init__(self, calendar: Calendar, *, extended: bool = False) -> None:
        self._calendar = calendar
        self._extended = extended
        self._until_ns = self._from_ns = 0
        self.rows: NDArray[Any] = np.zeros(0, SEGMENT)
        self.sessions: NDArray[Any] = np.zeros(0, SEGMENT)
        self._now = (0, 0, 0)

    def reach(self, now_ns: int) -> bool:
        """Hold the stretches around an instant; tell whether they had to be fetched anew."""
        if self._from_ns <= now_ns < self._until_ns:
            return False
        today = now_ns // DAY_NS
        schedule = self._calendar.sessions(today - _MARGIN_DAYS, today + _AHEAD_DAYS)
        self._from_ns = (today - 1) * DAY_NS
        self._until_ns = (today + _AHEAD_DAYS - _MARGIN_DAYS) * DAY_NS
        self.sessions = _rows(schedule.open_ns, schedule.close_ns, schedule.open_ns)
        self.rows = _extended(schedule) if self._extended else self.sessions
        self._now = (0, 0, 0)
        return True

    def stretch(self, now_ns: int) -> tuple[int, int]:
        """Return UTC start and end of the stretch an instant lies in, or (0, 0) when the market is closed."""
        begin, end, start = self._now
        if begin <= now_ns < end:
            return (start, end) if start else (0, 0)
        self.reach(now_ns)
        at = int(np.searchsorted(self.rows["start_ns"], now_ns, side="right")) - 1
        if at >= 0 and now_ns < int(self.rows["end_ns"][at]):
            start, end = int(self.rows["start_ns"][at]), int(self.rows["end_ns"][at])
            self._now = (start, end, start)
            return start, end
        begin = int(self.rows["end_ns"][at]) if at >= 0 else self._from_ns
        end = int(self.rows["start_ns"][at + 1]) if at + 1 < len(self.rows) else self._until_ns
        self._now = (begin, end, 0)
        return 0, 0


def _rows(starts: NDArray[np.int64], ends: NDArray[np.int64], anchors: NDArray[np.int64]) -> NDArray[Any]:
    rows = np.zeros(len(starts), SEGMENT)
    rows["start_ns"], rows["end_ns"], rows["anchor_ns"] = starts, ends, anchors
    return rows


def _extended(schedule: Schedule) -> NDArray[Any]:
    """Return pre-market (counted backward from the open), regular and after-hours stretches, oldest first."""
    opens, closes = schedule.open_ns, schedule.close_ns
    parts = [
        _rows(schedule.pre_open_ns, opens, opens),
        _rows(opens, closes, opens),
        _rows(closes, schedule.post_close_ns, closes),
    ]
    rows = np.concatenate(parts)
    rows = rows[rows["start_ns"] < rows["end_ns"]]
    return rows[np.argsort(rows["start_ns"], kind="stable")]
