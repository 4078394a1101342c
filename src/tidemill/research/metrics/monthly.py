"""Returns by month and by year."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics.track import Track, benchmark_track, track_of

__all__ = ["monthly_table", "yearly"]


def _months(day: NDArray[np.int64]) -> NDArray[np.int64]:
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _by_bucket(bucket: NDArray[np.int64], index: NDArray[np.float64]) -> dict[int, tuple[int, int, float]]:
    """Return per bucket the first and last row of ``index`` it grows over, and its return as a ratio."""
    if len(bucket) == 0:
        return {}
    last = np.append(np.flatnonzero(np.diff(bucket)), len(bucket) - 1) + 1
    first = np.concatenate(([0], last[:-1]))
    return {
        int(bucket[end - 1]): (
            int(start),
            int(end),
            float(index[end] / index[start] - 1.0),
        )
        for start, end in zip(first, last, strict=True)
    }


def monthly_table(record: RunRecord) -> list[dict[str, Any]]:
    """Return one row per year: ``year``, ``months`` (12 returns in percent, None where not traded), ``year_pct``."""
    track = track_of(record)
    months = _months(track.day)
    by_month = _by_bucket(months, track.index)
    rows = []
    for year, (_, _, growth) in _by_bucket(months // 12, track.index).items():
        cells = [by_month.get(12 * year + month) for month in range(12)]
        percents = [None if cell is None else 100.0 * cell[2] for cell in cells]
        rows.append({"year": 1970 + year, "months": percents, "year_pct": 100.0 * growth})
    return rows


def yearly(record: RunRecord) -> list[dict[str, Any]]:
    """Return one row per year: ``return_pct``, ``max_drawdown_pct`` within it, ``benchmark_pct`` (or None), ``n``."""
    track, market = track_of(record), benchmark_track(record)
    held = _years(market) if market is not None else {}
    rows = []
    for year, (start, end, growth) in _years(track).items():
        part = track.index[start : end + 1]
        rows.append(
            {
                "year": 1970 + year,
                "return_pct": 100.0 * growth,
                "max_drawdown_pct": 100.0 * float(np.min(part / np.maximum.accumulate(part) - 1.0)),
                "benchmark_pct": 100.0 * held[year][2] if year in held else None,
                "n": end - start,
            }
        )
    return rows


def _years(track: Track) -> dict[int, tuple[int, int, float]]:
    return _by_bucket(_months(track.day) // 12, track.index)
