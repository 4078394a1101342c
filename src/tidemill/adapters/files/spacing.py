"""The bar size of a file, read off the distances between its stamps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, HOUR_NS
from tidemill.model.errors import DataError
from tidemill.model.intervals import format_interval

__all__ = ["find_interval"]

_BLOCK = 256
# A stretch counts as bars of another size when this share of its distances agrees on it.
_AGREED_SHARE = 0.8
# Distances shorter than the bar size are impossible; a few may stem from a clock change.
_SHORT_SHARE = 0.01
# So many equal distances in a row are bars of another size. Where minutes are missing at random, at worst every
# fourth distance is two minutes, so sixteen of them in a row occur once in billions of rows; a distance shorter
# than the bar size should not occur at all.
_LONG_RUN, _SHORT_RUN = 16, 4
# Neighbouring daily bars are up to four days apart, over a long weekend.
_WEEKEND_DAYS = 4


def find_interval(source: str, ts_ns: NDArray[np.int64], named_ns: int | None) -> int:
    """Return the most frequent distance between neighbouring stamps, checked against the size the user names.

    Args:
        source: file name for messages.
        ts_ns: int64[n], increasing.
        named_ns: the bar size the user or the file names, or None.

    Raises:
        DataError: the file mixes bar sizes, its size differs from the one named, or one row alone tells none.
    """
    steps = _whole_days(np.diff(ts_ns))
    steps = steps[steps > 0]
    if not len(steps):
        if named_ns is None:
            raise DataError(f"{source} has a single row, which tells no bar size; name it with --interval.")
        return named_ns
    found, share = _mode(steps)
    _refuse_mixed(source, steps, found)
    if named_ns is None:
        _refuse_stretch(source, steps, found)
    if named_ns is None or named_ns == found:
        return found
    if share < _AGREED_SHARE and found > named_ns and not np.any(steps % named_ns):
        # So few trades that most bars are missing: the name is believed.
        return named_ns
    raise DataError(
        f"{source} holds {format_interval(found)} bars, not {format_interval(named_ns)}; "
        f"name --interval {format_interval(found)}, or build longer bars from shorter ones."
    )


def _whole_days(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return steps with those of 23 and 25 hours, which a clock change makes, set to a day."""
    days = (steps + DAY_NS // 2) // DAY_NS
    near = (days > 0) & (np.abs(steps - days * DAY_NS) <= HOUR_NS)
    return (
        np.where(near & (np.median(_sampled(steps)) > DAY_NS - 2 * HOUR_NS), days * DAY_NS, steps)
        if len(steps)
        else steps
    )


def _mode(steps: NDArray[np.int64]) -> tuple[int, float]:
    """Return the most frequent step and its share; many rows are judged by an even sample of blocks."""
    sizes, counts = np.unique(_sampled(steps).ravel(), return_counts=True)
    top = int(np.argmax(counts))
    return int(sizes[top]), float(counts[top] / counts.sum())


def _sampled(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return blocks of neighbouring steps, int64[k, 256], at most 512 of them; a short column is one block."""
    blocks = len(steps) // _BLOCK
    if blocks < 2:
        return steps[None, :]
    table = steps[: blocks * _BLOCK].reshape(blocks, _BLOCK)
    return table[np.unique(np.linspace(0, blocks - 1, min(blocks, 512)).astype(np.int64))]


def _refuse_mixed(source: str, steps: NDArray[np.int64], found: int) -> None:
    other = 0
    short = steps[steps < found]
    if len(short) > _SHORT_SHARE * len(steps):
        other = _mode(short)[0]
    blocks = _sampled(steps)
    if blocks.shape[1] == _BLOCK:
        # A distance that most of a block agrees on is the block's median.
        middle = np.partition(blocks, _BLOCK // 2, axis=1)[:, _BLOCK // 2]
        agreed = np.mean(blocks == middle[:, None], axis=1) >= _AGREED_SHARE
        others = middle[agreed & (middle != found)]
        other = int(others[0]) if len(others) else other
    if other:
        names = " and ".join(format_interval(size) for size in sorted((found, other)))
        raise DataError(
            f"{source} mixes {names} bars; split it into one file per bar size, or give it a timeframe column "
            "and choose with --interval."
        )


def _refuse_stretch(source: str, steps: NDArray[np.int64], found: int) -> None:
    """Refuse a stretch of another bar size that is too short to be seen in a sample; a named size is believed."""
    days = (steps + DAY_NS // 2) // DAY_NS
    daily = (days > 0) & (days <= _WEEKEND_DAYS) & (np.abs(steps - days * DAY_NS) <= HOUR_NS)
    steps = np.where(daily, DAY_NS, steps)
    first = np.flatnonzero(np.diff(steps, prepend=0))
    lengths = np.diff(first, append=len(steps))
    sizes = steps[first]
    other = (sizes != found) & (lengths >= np.where(sizes < found, _SHORT_RUN, _LONG_RUN))
    if found < DAY_NS and other.any():
        at = int(np.flatnonzero(other)[0])
        own, strange = format_interval(found), format_interval(int(sizes[at]))
        names = " and ".join(format_interval(size) for size in sorted((found, int(sizes[at]))))
        raise DataError(
            f"{source} mixes {names} bars ({int(lengths[at]):,} in a row are {strange}); split it into one file per "
            f"bar size, or name --interval {own} if bars are only missing."
        )
