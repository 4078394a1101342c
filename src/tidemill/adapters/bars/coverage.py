"""Which bars are there, and which are missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS
from tidemill.ports.calendar import Schedule

__all__ = ["Coverage", "Gap", "expected_starts", "find_gaps"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without bars.

    Args:
        start_ns: start of the first missing bar, UTC.
        end_ns: end of the last missing bar, UTC: what to fetch is [start, end).
        bars: how many are missing.
    """

    start_ns: int
    end_ns: int
    bars: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is stored of a series within a stretch of time.

    Args:
        bars: how many are there.
        first_ns, last_ns: start of the first and of the last, UTC; 0 without any.
        gaps: what is missing, oldest first. A minute without a trade has no bar and counts as missing.
    """

    bars: int
    first_ns: int
    last_ns: int
    gaps: tuple[Gap, ...]


def expected_starts(schedule: Schedule, interval_ns: int, start_ns: int, end_ns: int) -> NDArray[np.int64]:
    """Return where bars of the regular sessions would begin within [start, end).

    Args:
        schedule: sessions that cover the stretch.
        interval_ns: bar size; one day or more is one bar per session.
    """
    if interval_ns >= DAY_NS:
        starts = schedule.open_ns
    else:
        parts = [np.arange(*bounds, interval_ns) for bounds in zip(schedule.open_ns, schedule.close_ns, strict=True)]
        starts = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return np.asarray(starts[(starts >= start_ns) & (starts < end_ns)], np.int64)


def find_gaps(have: NDArray[np.int64], expected: NDArray[np.int64], interval_ns: int) -> tuple[Gap, ...]:
    """Return the runs of expected starts that are not there.

    Args:
        have: int64[n], starts of stored bars, sorted.
        expected: int64[m], where bars would begin, sorted.
    """
    missing = np.flatnonzero(~np.isin(expected, have, assume_unique=True))
    if not len(missing):
        return ()
    edges = np.flatnonzero(np.diff(missing) > 1) + 1
    runs = np.split(missing, edges)
    return tuple(Gap(int(expected[run[0]]), int(expected[run[-1]]) + interval_ns, len(run)) for run in runs)
