"""Where bars are missing and where trading was outside regular hours: what a chart shades behind the candles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, MINUTE_NS, BarTable
from tidemill.model.enums import Session
from tidemill.model.instrument import Instrument
from tidemill.ports.calendar import Calendar, Schedule
from tidemill.research.report.drawing import Backdrop

__all__ = ["backdrop_of"]

_ALWAYS = "24/7"


def backdrop_of(bars: BarTable, instrument: Instrument, calendars: Callable[[str], Calendar]) -> Backdrop:
    """Return the shaded stretches of one instrument; daily bars have none.

    A gap counts where both neighbours lie in one regular session without a pause between them: at night and at
    weekends nothing is missing, and before and after hours whole stretches without a trade are usual. Less than a
    minute without a trade is usual at any hour.
    """
    if bars.interval_ns >= DAY_NS or not len(bars):
        return Backdrop()
    late = np.diff(bars.ts) > max(bars.interval_ns, MINUTE_NS)
    if instrument.calendar == _ALWAYS:
        return Backdrop(gaps_ns=bars.ts[1:][late])
    days = (int(bars.ts[0]) // DAY_NS - 2, int(bars.ts[-1]) // DAY_NS + 3)
    schedule = calendars(instrument.calendar).sessions(*days)
    # a bar that begins before the open and runs into it is a regular one
    is_regular = (schedule.phase(bars.ts) == Session.REGULAR) | (
        schedule.phase(bars.ts + bars.interval_ns - 1) == Session.REGULAR
    )
    session = _session(schedule, bars.ts + bars.interval_ns - 1)
    missing = late & is_regular[1:] & is_regular[:-1] & (session[1:] == session[:-1])
    return Backdrop(_stretches(bars.ts, ~is_regular), bars.ts[1:][missing])


def _session(schedule: Schedule, ts_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the halves of sessions: a pause begins a new one."""
    starts = np.sort(np.concatenate([schedule.open_ns, schedule.break_end_ns]))
    return np.searchsorted(starts, ts_ns, side="right")


def _stretches(ts_ns: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first and last stamp of every unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return np.column_stack([ts_ns[edges[::2]], ts_ns[edges[1::2] - 1]]).astype(np.int64)
