"""Bars and other events as the streams the loop merges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import BarTable
from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT, STREAM

__all__ = ["Streams", "build_streams"]


class Streams:
    """STREAM rows together with the columns they point to.

    ``timeline`` holds every instant at which a bar ends, when all bars have one length; else it is empty.
    """

    def __init__(self, rows: NDArray[Any], keep: list[Any], timeline: NDArray[np.int64], bar_ns: int) -> None:
        self.rows, self.keep, self.timeline, self.bar_ns = rows, keep, timeline, bar_ns

    def rewind(self) -> None:
        """Put every cursor back to its first row."""
        for row, first in zip(self.rows, self.keep[0], strict=True):
            row["at"] = 0
            row["next_ns"] = first
            row["ahead"] = 0
            row["found"] = 0


def _column(values: NDArray[Any], kind: type[np.generic], keep: list[Any]) -> int:
    column = np.ascontiguousarray(values, kind)
    keep.append(column)
    return int(column.ctypes.data)


def build_streams(bars: Sequence[BarTable], symbols: Sequence[str], events: Sequence[NDArray[Any]] = ()) -> Streams:
    """Return streams in rank order: other events first, then bars from the finest interval up, in file order.

    Args:
        bars: tables; one instrument may have several intervals.
        symbols: instrument symbols in table order.
        events: EVENT arrays sorted by ``now_ns`` (splits, dividends, operator commands).
    """
    names = dict.fromkeys(b.symbol for b in bars)
    finest = {symbol: min(b.interval_ns for b in bars if b.symbol == symbol) for symbol in names}
    tables = sorted((table for table in bars if len(table)), key=lambda table: table.interval_ns)
    rows = np.zeros(len(tables) + len(events), STREAM)
    rows["slot"] = -1
    keep: list[Any] = [[]]
    never = np.iinfo(np.int64).max
    for row, table in zip(rows, events, strict=False):
        if table.dtype != EVENT:
            raise TypeError("events must be EVENT rows")
        row["kind"] = int(EventKind.TIMER)
        row["length"] = len(table)
        row["next_ns"] = table["now_ns"][0] if len(table) else never
        keep.append(table)
        row["ts"] = table.ctypes.data
        keep[0].append(int(row["next_ns"]))
    for row, bar in zip(rows[len(events) :], tables, strict=True):
        row["kind"] = int(EventKind.BAR)
        row["instrument"] = symbols.index(bar.symbol)
        row["interval_ns"] = bar.interval_ns
        row["duration_ns"] = bar.duration_ns
        row["length"] = len(bar)
        row["next_ns"] = int(bar.ts[0]) + bar.duration_ns
        row["matches"] = int(bar.interval_ns == finest[bar.symbol])
        row["ts"] = _column(bar.ts, np.int64, keep)
        for name in ("open", "high", "low", "close", "volume"):
            row[name] = _column(getattr(bar, name), np.float64, keep)
        keep[0].append(int(row["next_ns"]))
    timeline = _timeline(tables) if len(tables) > 1 else np.zeros(0, np.int64)
    return Streams(rows, keep, timeline, tables[0].duration_ns if tables else 0)


def _timeline(tables: Sequence[BarTable]) -> NDArray[np.int64]:
    """Return the instants at which any bar ends, or none when bars differ in length."""
    first = tables[0]
    if any(table.duration_ns != first.duration_ns for table in tables):
        return np.zeros(0, np.int64)
    if all(table.ts is first.ts or np.array_equal(table.ts, first.ts) for table in tables[1:]):
        return first.ts + first.duration_ns
    return np.unique(np.concatenate([table.ts for table in tables])) + first.duration_ns
