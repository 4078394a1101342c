"""The size budget: far from trades, bars are merged and equity is sampled, so that a report stays a file one can mail.

Nothing is computed from thinned columns: they are only drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable

__all__ = [
    "BAR_BUDGETS",
    "PACKED_BUDGET",
    "POINT_BUDGET",
    "ThinPlan",
    "interval_text",
    "merged_groups",
    "near_trades",
    "plan_bars",
    "sample_equity",
    "thin_bars",
]

BAR_BUDGETS = (
    350_000,
    250_000,
    180_000,
    125_000,
    90_000,
    60_000,
)  # bars of all instruments, tried in this order
PACKED_BUDGET = 1_150_000  # characters of packed bars; with all else the page stays near two megabytes
POINT_BUDGET = 120_000  # points up to which an equity curve is kept whole
_SAMPLES = 60_000  # points of a sampled one, many times the width of a screen
_MARGINS = (200, 100, 50, 20, 5)
_INTERVALS_NS = (
    *(minutes * MINUTE_NS for minutes in (1, 5, 15, 30)),
    *(hours * HOUR_NS for hours in (1, 2, 4, 8)),
    DAY_NS,
)


@dataclass(frozen=True, slots=True)
class ThinPlan:
    """How bars outside trades are merged.

    Args:
        margin: bars kept as they are on each side of every trade.
        interval_ns: size of the merged bars; 0 keeps everything.
    """

    margin: int = 0
    interval_ns: int = 0


def interval_text(interval_ns: int) -> str:
    """Return a bar size in words a chart uses: ``5 min``, ``2 h``, ``1 day``."""
    for unit_ns, name in ((DAY_NS, "day"), (HOUR_NS, "h"), (MINUTE_NS, "min")):
        if interval_ns >= unit_ns and interval_ns % unit_ns == 0:
            return f"{interval_ns // unit_ns} {name}"
    return f"{interval_ns / 1e9:g} s"


def near_trades(ts: NDArray[np.int64], trips: NDArray[Any], margin: int) -> NDArray[np.bool_]:
    """Mark the bars from ``margin`` before each entry to ``margin`` after each exit."""
    count = len(ts)
    first = np.searchsorted(ts, trips["entry_ts_ns"], "right") - 1 - margin
    last = np.searchsorted(ts, trips["exit_ts_ns"], "right") + margin
    steps = np.zeros(count + 1, np.int64)
    np.add.at(steps, np.clip(first, 0, count), 1)
    np.add.at(steps, np.clip(last, 0, count), -1)
    kept: NDArray[np.bool_] = np.cumsum(steps[:count]) > 0
    return kept


def _group_starts(bars: BarTable, trips: NDArray[Any], plan: ThinPlan) -> NDArray[np.int64]:
    kept = near_trades(bars.ts, trips, plan.margin)
    bucket = bars.ts // plan.interval_ns
    begins = np.ones(len(bars), np.bool_)
    begins[1:] = kept[1:] | kept[:-1] | (bucket[1:] != bucket[:-1])
    return np.flatnonzero(begins)


def plan_bars(bars: list[BarTable], trips: NDArray[Any], budget: int) -> ThinPlan:
    """Choose the gentlest merge that brings all instruments together under the budget of bars."""
    if sum(len(table) for table in bars) <= budget:
        return ThinPlan()
    finest = min(table.interval_ns for table in bars if len(table))
    coarser = [interval for interval in _INTERVALS_NS if interval > finest] or [DAY_NS * 7]
    plan = ThinPlan()
    for margin in _MARGINS:
        for interval_ns in coarser:
            plan = ThinPlan(margin, interval_ns)
            total = sum(
                len(_group_starts(table, trips[trips["instrument"] == at], plan)) for at, table in enumerate(bars)
            )
            if total <= budget:
                return plan
    return plan


def merged_groups(bars: BarTable, trips: NDArray[Any], plan: ThinPlan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last row of every bar that is shown."""
    if plan.interval_ns <= bars.interval_ns or len(bars) == 0:
        return np.arange(len(bars)), np.arange(len(bars))
    starts = _group_starts(bars, trips, plan)
    return starts, np.append(starts[1:], len(bars)) - 1


def thin_bars(bars: BarTable, trips: NDArray[Any], plan: ThinPlan) -> BarTable:
    """Merge the bars that no trade of this instrument is near; first open, highest high, lowest low, last close."""
    starts, ends = merged_groups(bars, trips, plan)
    if len(starts) == len(bars):
        return bars
    return BarTable(
        bars.symbol,
        bars.interval_ns,
        bars.duration_ns,
        bars.ts[starts],
        bars.open[starts],
        np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts),
        bars.close[ends],
        np.add.reduceat(bars.volume, starts),
        dict(bars.meta),
    )


def sample_equity(values: NDArray[np.int64], keep: NDArray[np.int64], budget: int = POINT_BUDGET) -> NDArray[np.int64]:
    """Return the rows of an equity curve that carry its shape: ends, peaks, troughs, ``keep`` and one per bucket.

    One point per bucket is the one that spans the largest triangle with the means of its neighbour buckets
    (S. Steinarsson, Downsampling Time Series for Visual Representation, 2013, with both neighbours averaged).
    The highest and the lowest row of every bucket are kept with it, so that no peak or trough is lost.
    """
    count = len(values)
    if count <= budget:
        return np.arange(count)
    width = -(-count // max(min(budget, _SAMPLES) // 4, 1))
    buckets = -(-count // width)
    padded = (
        np.append(values, np.repeat(values[-1], buckets * width - count)).astype(np.float64).reshape(buckets, width)
    )
    first = np.arange(buckets) * width
    means = padded.mean(axis=1)
    left, right = np.roll(means, 1), np.roll(means, -1)
    left[0], right[-1] = padded[0, 0], padded[-1, -1]
    place = (np.arange(width) + width / 2 + 0.5) / (2 * width)
    largest = np.abs(padded - (left[:, None] + (right - left)[:, None] * place[None, :])).argmax(axis=1)
    rows = [
        first + largest,
        first + padded.argmax(axis=1),
        first + padded.argmin(axis=1),
        keep,
        np.array([0, count - 1]),
    ]
    chosen: NDArray[np.int64] = np.unique(np.minimum(np.concatenate(rows), count - 1))
    return chosen
