"""What is wrong or remarkable in a table of bars: gaps, repeats, stale stretches, splits nobody adjusted for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.enums import Session
from tidemill.model.instrument import Instrument, infer_instrument
from tidemill.model.intervals import format_interval
from tidemill.model.quality import BadRow, Quarantine
from tidemill.model.zones import trading_day
from tidemill.ports.calendar import Schedule

__all__ = ["Gap", "QualityReport", "StaleRun", "SuspectedSplit", "examine", "suspected_splits"]

# Shares per old share in the splits that companies make; 3:2 and 5:4 are too close to ordinary crashes to suspect.
_RATIOS = np.array([2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50], np.float64)
_TOLERANCE = 0.03
# Days on each side whose median volume is compared, and the least change that confirms a split. Turnover in money
# stays, so the number of shares should change with the ratio; news around the event blurs that, so a twentieth of
# it in logarithms is asked.
_VOLUME_DAYS = 5
_VOLUME_EXPONENT = 0.05
# The day's close must stay near the new price, so that one wrong first print is no split.
_SETTLED = 0.2
# Repeats of one and the same open, high, low, close that count as a stuck feed.
_STALE_BARS = 5
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of missing bars: UTC nanoseconds of the first missing start, and how many are missing."""

    ts_ns: int
    bars: int


@dataclass(frozen=True, slots=True)
class StaleRun:
    """A stretch of bars with traded volume that all repeat one open, high, low and close."""

    ts_ns: int
    bars: int


@dataclass(frozen=True, slots=True)
class SuspectedSplit:
    """A jump between two trading days that looks like a split.

    Args:
        day: trading day on which the new price shows.
        ts_ns: UTC nanoseconds of its first bar.
        ratio: suspected new shares per old share (7.0, or 0.1 for one new for ten old).
        price_before, price_after: last close before and first open after.
    """

    day: date
    ts_ns: int
    ratio: float
    price_before: float
    price_after: float


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What was found in one table of bars.

    Args:
        symbol, interval: what was examined.
        first_ns, last_ns: UTC starts of the first and last bar, or None without bars.
        rows, kept: rows read and rows kept.
        quarantined: rows set aside per reason.
        duplicates: rows set aside because their stamp was there already.
        identical: rows that several files had in common and that were taken once.
        expected, missing: bars the sessions hold and bars that are not there (without a calendar: by spacing).
        gaps: the longest gaps, longest first.
        zero_volume_ratio: share of bars without volume, 0 to 1.
        extended_ratio: share of bars outside regular trading, 0 to 1; None without a calendar.
        stale: the longest stuck stretches, longest first.
        splits: jumps that look like unadjusted splits.
        is_simulated: whether the data say they are synthetic.
        warnings: sentences, remedies included.
    """

    symbol: str
    interval: str
    first_ns: int | None
    last_ns: int | None
    rows: int
    kept: int
    quarantined: dict[BadRow, int]
    duplicates: int
    identical: int
    expected: int
    missing: int
    gaps: tuple[Gap, ...]
    zero_volume_ratio: float
    extended_ratio: float | None
    stale: tuple[StaleRun, ...]
    splits: tuple[SuspectedSplit, ...]
    is_simulated: bool
    warnings: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was set aside and no split is suspected."""
        return not self.quarantined and not self.splits


def examine(
    bars: BarTable,
    quarantine: Quarantine | None = None,
    schedule: Schedule | None = None,
    instrument: Instrument | None = None,
) -> QualityReport:
    """Examine a table of bars.

    Args:
        bars: sound bars, oldest first.
        quarantine: the rows that were set aside while reading.
        schedule: the sessions from the first to the last bar's trading day; gaps are judged by spacing without it.
        instrument: decides the trading day; inferred from the symbol when left out.
    """
    instrument = instrument or infer_instrument(bars.symbol)
    rejected = quarantine or Quarantine.empty()
    counts = rejected.counts()
    expected, gaps = _gaps(bars, schedule, instrument)
    splits = suspected_splits(bars, instrument)
    return QualityReport(
        symbol=bars.symbol,
        interval=format_interval(bars.interval_ns),
        first_ns=int(bars.ts[0]) if len(bars) else None,
        last_ns=int(bars.ts[-1]) if len(bars) else None,
        rows=int(bars.meta.get("rows_read", len(bars) + len(rejected))),
        kept=len(bars),
        quarantined=counts,
        duplicates=counts.get(BadRow.DUPLICATE, 0),
        identical=int(bars.meta.get("rows_identical", 0)),
        expected=expected,
        missing=sum(gap.bars for gap in gaps),
        gaps=tuple(sorted(gaps, key=lambda gap: (-gap.bars, gap.ts_ns))[:_LISTED]),
        zero_volume_ratio=float(np.mean(bars.volume == 0)) if len(bars) else 0.0,
        extended_ratio=_extended_ratio(bars, schedule),
        stale=_stale_runs(bars),
        splits=splits,
        is_simulated=bool(bars.meta.get("simulated", False)),
        warnings=(*bars.meta.get("warnings", ()), *(_split_sentence(bars.symbol, split) for split in splits)),
    )


def _split_sentence(symbol: str, split: SuspectedSplit) -> str:
    ratio = f"{split.ratio:g}:1" if split.ratio > 1 else f"1:{1 / split.ratio:g}"
    return (
        f"{symbol} {split.day}: {split.price_before:g} to {split.price_after:g} looks like an "
        f"unadjusted {ratio} split; give the event with --corporate-actions FILE."
    )


def _gaps(bars: BarTable, schedule: Schedule | None, instrument: Instrument) -> tuple[int, list[Gap]]:
    """Return how many bars there should be and every stretch where some are missing."""
    if not len(bars):
        return 0, []
    if schedule is None or not len(schedule):
        missing = np.diff(bars.ts) // bars.interval_ns - 1
        at = np.flatnonzero(missing > 0)
        found = [Gap(int(bars.ts[i]) + bars.interval_ns, int(missing[i])) for i in at]
        return len(bars) + int(missing[at].sum()), found
    days = trading_day(bars.ts, instrument.zone, instrument.day_roll_minutes)
    schedule = schedule.between(int(days[0]), int(days[-1]) + 1)
    wanted = schedule.open_ns if bars.interval_ns >= DAY_NS else _session_starts(schedule, bars.interval_ns)
    if bars.interval_ns >= DAY_NS:
        is_there = np.isin(schedule.day, days)
    else:
        wanted = wanted[(wanted > bars.ts[0] - bars.interval_ns) & (wanted < bars.ts[-1] + bars.interval_ns)]
        if not len(wanted):
            return 0, []
        # An hourly bar may start on the clock hour before the open; it counts for the bar it runs into.
        slot = np.searchsorted(wanted, bars.ts, side="left")
        slot = np.minimum(slot, len(wanted) - 1)
        is_there = np.zeros(len(wanted), np.bool_)
        is_there[slot[wanted[slot] - bars.ts < bars.interval_ns]] = True
    return len(wanted), _runs(wanted, ~is_there)


def _session_starts(schedule: Schedule, interval_ns: int) -> NDArray[np.int64]:
    """Return the start of every bar that regular sessions hold."""
    first, second = schedule.open_ns, schedule.break_end_ns
    starts = [np.arange(a, b, interval_ns) for a, b in zip(first, schedule.break_start_ns, strict=True)]
    starts += [np.arange(a, b, interval_ns) for a, b in zip(second, schedule.close_ns, strict=True) if a < b]
    return np.sort(np.concatenate(starts)) if starts else np.zeros(0, np.int64)


def _runs(stamps: NDArray[np.int64], mask: NDArray[np.bool_]) -> list[Gap]:
    """Return each unbroken run of True as its first stamp and length."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [Gap(int(stamps[a]), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _extended_ratio(bars: BarTable, schedule: Schedule | None) -> float | None:
    if schedule is None or not len(bars) or bars.interval_ns >= DAY_NS:
        return None
    starts_outside = schedule.phase(bars.ts) != Session.REGULAR
    ends_outside = schedule.phase(bars.ts + bars.interval_ns - 1) != Session.REGULAR
    return float(np.mean(starts_outside & ends_outside))


def _stale_runs(bars: BarTable) -> tuple[StaleRun, ...]:
    """Return stretches of bars that repeat the bar before them; bars without volume are quiet, not stuck."""
    if len(bars) < _STALE_BARS:
        return ()
    same = (bars.volume[1:] > 0) & (bars.volume[:-1] > 0)
    for column in (bars.open, bars.high, bars.low, bars.close):
        same &= column[1:] == column[:-1]
    runs = [gap for gap in _runs(bars.ts[:-1], same) if gap.bars + 1 >= _STALE_BARS]
    longest = sorted(runs, key=lambda run: (-run.bars, run.ts_ns))[:_LISTED]
    return tuple(StaleRun(run.ts_ns, run.bars + 1) for run in longest)


def suspected_splits(bars: BarTable, instrument: Instrument) -> tuple[SuspectedSplit, ...]:
    """Return jumps between trading days that look like splits nobody adjusted for.

    The first open over the last close must lie within 3 % of a usual split ratio, and the median volume of the five
    days after must have moved the same way, if only a little (unless the source has no volume), and the day's close
    must stay within a fifth of the new price.

    Args:
        bars: bars of any size, oldest first.
        instrument: decides the trading day.
    """
    if len(bars) < 2:
        return ()
    days = trading_day(bars.ts, instrument.zone, instrument.day_roll_minutes)
    first = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    volume = np.add.reduceat(bars.volume, first)
    before, after = bars.close[first[1:] - 1], bars.open[first[1:]]
    settled = bars.close[np.append(first[2:], len(bars)) - 1]
    ratio = before / after
    steps = np.concatenate([1 / _RATIOS, _RATIOS])
    nearest = steps[np.argmin(np.abs(np.log(ratio[:, None] / steps)), axis=1)]
    found: list[SuspectedSplit] = []
    for at in np.flatnonzero(np.abs(ratio / nearest - 1) <= _TOLERANCE):
        earlier = float(np.median(volume[max(at + 1 - _VOLUME_DAYS, 0) : at + 1]))
        later = float(np.median(volume[at + 1 : at + 1 + _VOLUME_DAYS]))
        factor = float(nearest[at])
        if earlier > 0 and later > 0 and np.log(later / earlier) / np.log(factor) < _VOLUME_EXPONENT:
            continue
        if abs(np.log(before[at] / settled[at] / factor)) > _SETTLED:
            continue
        row = first[at + 1]
        day = date(1970, 1, 1) + timedelta(days=int(days[row]))
        found.append(SuspectedSplit(day, int(bars.ts[row]), factor, float(before[at]), float(after[at])))
    return tuple(found)
