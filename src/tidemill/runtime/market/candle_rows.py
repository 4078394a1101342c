"""Rows of the bar desk: what is told of them, in which order, and which sizes can be built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, SECOND_NS
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import Instrument
from tidemill.model.intervals import format_interval
from tidemill.ports.calendar import Calendar

__all__ = ["CandleCounts", "OpenBar", "calendar_of", "checked_size", "in_order", "most_bars", "open_bar"]


@dataclass(frozen=True, slots=True)
class CandleCounts:
    """What became of the trades of one instrument at one bar size.

    Args:
        made: bars handed out, flat ones left out.
        filled: flat bars for short quiet stretches.
        late: trades older than a bar already closed; they are in no bar.
        late_ns: stamp of the newest of them, 0 without one: the bar it belongs to is wrong and wants a backfill.
        outside: trades outside all sessions.
        held_back: bars that lacked trades (start, reconnect, overflow) and were not handed out.
        repeated: prints that came again, all bar sizes of the instrument together.
    """

    instrument: int
    interval_ns: int
    made: int
    filled: int
    late: int
    late_ns: int
    outside: int
    held_back: int
    repeated: int


@dataclass(frozen=True, slots=True)
class OpenBar:
    """A bar that was not handed out, because trades of it are missing or the run ended first.

    Args:
        trades: how many of its trades were heard.
    """

    instrument: int
    interval_ns: int
    start_ns: int
    end_ns: int
    trades: int


def open_bar(row: Any, start: str, end: str, count: str) -> OpenBar:
    """Return the bar a row tells of; the row's own names say where its start, end and count lie."""
    return OpenBar(int(row["instrument"]), int(row["interval_ns"]), int(row[start]), int(row[end]), int(row[count]))


def checked_size(item: Instrument, size: int) -> int:
    """Return a bar size that can be built from trades.

    Raises:
        ConfigError: this one cannot.
    """
    if not SECOND_NS <= size <= DAY_NS:
        raise ConfigError(
            f"{item.symbol}: {format_interval(size)} bars cannot be built from live trades; choose 1s to 1d."
        )
    return size


def calendar_of(calendars: Mapping[str, Calendar], item: Instrument) -> Calendar:
    """Return the calendar an instrument trades by.

    Raises:
        ConfigError: it was not handed in.
    """
    if item.calendar not in calendars:
        raise ConfigError(f"{item.symbol} trades by the calendar {item.calendar}, which was not handed in.")
    return calendars[item.calendar]


def most_bars(candles: NDArray[Any], max_gap_ns: int) -> int:
    """Return how many bars one trade can lead to at most: one closed per size, and the flat ones before it."""
    most = 1 + max_gap_ns // np.maximum(candles["interval_ns"], 1)
    per = np.bincount(candles["instrument"], weights=most.astype(np.float64)) if len(candles) else np.ones(1)
    return int(per.max())


def in_order(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the bars of several cuts by end, bar size and instrument."""
    rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if len(rows) > 1:
        rows = rows[np.lexsort((rows["instrument"], rows["interval_ns"], rows["now_ns"]))]
    return rows
