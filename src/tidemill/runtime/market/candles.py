"""Bars made from live trades: the desk that closes them by the next trade or by the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.kernel.candle_records import CANDLE, DESK, HELD_BACK, PRINT, SEEN_ROWS, SEGMENT, TRADED
from tidemill.kernel.candles import close_candles, take_trades
from tidemill.model.bars import DAY_NS, MINUTE_NS, SECOND_NS
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.ports.calendar import Calendar
from tidemill.runtime.market.candle_rows import (
    CandleCounts,
    OpenBar,
    calendar_of,
    checked_size,
    in_order,
    most_bars,
    open_bar,
)
from tidemill.runtime.market.hours import Hours

__all__ = ["Candles"]

_ROOM = 1024
_NONE = np.zeros(0, EVENT)
_BYTES = EVENT.itemsize


class Candles:
    """Builds bars from trades for every instrument and bar size of a run.

    Bars are counted from the open of the instrument's session; one of a day or more is the whole regular session. A
    bar is handed out once, whole, or not at all.

    Args:
        instruments: in the order of the run.
        intervals: bar sizes per instrument, nanoseconds, one second to one day.
        calendars: by the name instruments use.
        extended: also bars of pre-market and after-hours.
        max_gap_ns: quiet stretches up to this long become flat bars once the next trade shows how long they were;
            0: none.
        grace_ns: how long after a bar's end its trades may still arrive before the clock closes it.
        delay_ns: how far behind the market the feed is.

    Raises:
        ConfigError: a bar size cannot be built, or an instrument's calendar is not there.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        intervals: Sequence[Sequence[int]],
        calendars: Mapping[str, Calendar],
        *,
        extended: bool = False,
        max_gap_ns: int = 2 * MINUTE_NS,
        grace_ns: int = SECOND_NS,
        delay_ns: int = 0,
    ) -> None:
        self._wait_ns = grace_ns + delay_ns
        self._traded = np.zeros(max(len(instruments), 1), TRADED)
        self._prints = np.zeros(len(self._traded) * SEEN_ROWS, PRINT)
        self._hours: list[Hours] = []
        known: dict[str, Hours] = {}
        rows: list[tuple[int, int]] = []
        for number, (item, sizes) in enumerate(zip(instruments, intervals, strict=True)):
            self._traded[number] = (len(rows), len(sizes), 0)
            for size in sorted(sizes):
                rows.append((number, checked_size(item, size)))
                if item.calendar not in known:
                    known[item.calendar] = Hours(calendar_of(calendars, item), extended=extended)
                self._hours.append(known[item.calendar])
        self._known = list(known.values())
        self._candles = np.zeros(max(len(rows), 1), CANDLE)
        for at, (number, size) in enumerate(rows):
            self._candles[at]["instrument"], self._candles[at]["interval_ns"] = number, size
        self._count = len(rows)
        self._segments = np.zeros(1, SEGMENT)
        self._until_ns = self._from_ns = 0
        worst = most_bars(self._candles[: self._count], max_gap_ns)
        self._out = np.zeros(max(_ROOM, 2 * worst, len(rows) + 1), EVENT)
        self._desk = np.zeros(1, DESK)
        self._held_back: list[OpenBar] = []
        self._wire(worst, max_gap_ns)

    def _wire(self, worst: int, max_gap_ns: int) -> None:
        desk = self._desk
        tables = {"candles": self._candles, "traded": self._traded, "prints": self._prints, "out": self._out}
        for name, table in tables.items():
            desk[name] = table.ctypes.data
        desk["n_candles"], desk["n_traded"], desk["n_out"] = self._count, len(self._traded), len(self._out)
        desk["worst"], desk["max_gap_ns"] = worst, max_gap_ns
        self._address = int(desk.ctypes.data)
        self._made = desk["made"]

    def take(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Take trades in order of arrival; return the bars they ended.

        Args:
            rows: EVENT rows; kinds other than TRADE are passed over.

        Returns:
            EVENT rows of kind BAR by end, bar size and instrument: ``ts_ns`` start, ``now_ns`` end, ``extra`` the
            number of trades, ``code`` 1 for a flat bar that filled a quiet stretch.
        """
        parts: list[NDArray[Any]] = []
        while count := len(rows):
            ts_ns = rows["ts_ns"]
            first, last = ts_ns.item(0), ts_ns.item(-1)
            if not (self._from_ns <= first < self._until_ns and self._from_ns <= last < self._until_ns):
                count = self._reachable(ts_ns)
            self._feed(int(rows.ctypes.data), count, parts)
            rows = rows[count:]
        return in_order(parts) if parts else _NONE

    def take_one(self, address: int, ts_ns: int) -> NDArray[Any]:
        """Take the TRADE row at an address; return the bars it ended, as ``take`` does."""
        if not self._from_ns <= ts_ns < self._until_ns:
            self._reach(ts_ns)
        parts: list[NDArray[Any]] = []
        self._feed(address, 1, parts)
        return in_order(parts) if parts else _NONE

    def _feed(self, address: int, count: int, parts: list[NDArray[Any]]) -> None:
        """Take rows whose sessions are at hand."""
        done = 0
        while True:
            done += take_trades(self._address, address + done * _BYTES, count - done)
            if self._made[0]:
                parts.append(self._cut())
            if done == count:
                return

    def tick(self, now_ns: int) -> NDArray[Any]:
        """Close the bars whose time is up by the clock; return them as ``take`` does."""
        if self._count and close_candles(self._address, now_ns - self._wait_ns):
            return in_order([self._cut()])
        return _NONE

    @property
    def next_due_ns(self) -> int:
        """When ``tick`` has something to close at the earliest, UTC; 0 when no bar is in the making."""
        ends = self._candles["end_ns"][: self._count]
        ends = ends[ends > 0]
        return int(ends.min()) + self._wait_ns if len(ends) else 0

    def begin(self, at_ns: int) -> None:
        """Say that all trades from an instant on will be seen; bars that began before are held back."""
        for number in range(len(self._traded)):
            self.spoil(number, at_ns)

    def spoil(self, instrument: int, at_ns: int) -> None:
        """Say that trades of an instrument before ``at_ns`` may have been lost: the bar in the making is not whole."""
        first, count, _ = self._traded[instrument].tolist()
        rows = self._candles[first : first + count]
        rows["whole_from_ns"] = np.maximum(rows["whole_from_ns"], at_ns)
        rows["is_linked"] = 0

    def link(self, instrument: int, interval_ns: int, end_ns: int, close: float) -> None:
        """Say that bars up to ``end_ns`` came from elsewhere (a backfill), the last with this close.

        Trades before ``end_ns`` are late from now on, and a bar in the making that began before is dropped.
        """
        first, count, _ = self._traded[instrument].tolist()
        for row in self._candles[first : first + count]:
            if int(row["interval_ns"]) == interval_ns and end_ns >= int(row["settled_ns"]):
                if int(row["start_ns"]) < end_ns:
                    row["end_ns"] = 0
                if not int(row["end_ns"]):
                    row["settled_ns"], row["last_close"], row["is_linked"] = end_ns, close, 1
                    row["last_segment_ns"] = self._segment_start(row, end_ns - 1)

    def discard(self) -> list[OpenBar]:
        """Drop every bar in the making and name it: nothing partial is ever handed out."""
        rows = self._candles[: self._count]
        dropped = [open_bar(row, "start_ns", "end_ns", "count") for row in rows[rows["end_ns"] > 0]]
        rows["end_ns"], rows["is_linked"] = 0, 0
        return dropped

    def forming(self) -> NDArray[Any]:
        """Return the bars in the making as they stand, to be looked at and not kept."""
        rows = self._candles[: self._count]
        return rows[(rows["end_ns"] > 0) & (rows["count"] > 0)]

    def take_held_back(self) -> list[OpenBar]:
        """Return, once, the bars that ended without being whole: they want a backfill, then ``link``."""
        found, self._held_back = self._held_back, []
        return found

    def counts(self) -> list[CandleCounts]:
        """Return what became of the trades, per instrument and bar size."""
        names = ("instrument", "interval_ns", "made", "filled", "late", "late_ns", "outside", "held_back")
        found = []
        for row in self._candles[: self._count]:
            values = {name: int(row[name]) for name in names}
            found.append(CandleCounts(**values, repeated=int(self._traded["repeated"][row["instrument"]])))
        return found

    @property
    def late_trades(self) -> int:
        """How many trades came too late for any bar, all bar sizes added up; a rise means a bar wants a backfill."""
        return int(self._candles["late"].sum())

    def _cut(self) -> NDArray[Any]:
        """Return the rows written since the last call; those of bars that are not whole are kept aside."""
        rows = self._out[: int(self._made[0])].copy()
        self._made[0] = 0
        is_held = rows["code"] == HELD_BACK
        if not is_held.any():
            return rows
        self._held_back += [open_bar(row, "ts_ns", "now_ns", "extra") for row in rows[is_held]]
        kept: NDArray[Any] = rows[~is_held]
        return kept

    def _reachable(self, ts_ns: NDArray[np.int64]) -> int:
        """Return how many of the next trades lie in the sessions at hand, fetching those of the first if needed."""
        if not self._from_ns <= int(ts_ns[0]) < self._until_ns:
            self._reach(int(ts_ns[0]))
        outside = np.flatnonzero((ts_ns < self._from_ns) | (ts_ns >= self._until_ns))
        return int(outside[0]) if len(outside) else len(ts_ns)

    def _reach(self, now_ns: int) -> None:
        """Fetch the sessions around an instant and point every candle to its own."""
        for hours in self._known:
            hours.reach(now_ns)
        first, parts = {}, []
        total = 0
        for hours in self._known:
            for kind, rows in ((False, hours.rows), (True, hours.sessions)):
                first[id(hours), kind] = (total, len(rows))
                parts.append(rows)
                total += len(rows)
        self._segments = np.concatenate([*parts, np.zeros(1, SEGMENT)])
        self._desk["segments"], self._desk["n_segments"] = self._segments.ctypes.data, len(self._segments)
        for row, hours in zip(self._candles, self._hours, strict=False):
            is_daily = int(row["interval_ns"]) >= DAY_NS
            row["segment"], row["segment_rows"] = first[id(hours), is_daily]
            own = hours.sessions if is_daily else hours.rows
            at = int(np.searchsorted(own["start_ns"], row["start_ns"], side="right")) - 1
            row["segment_at"] = max(at, 0)
        self._from_ns, self._until_ns = now_ns - DAY_NS, now_ns + 300 * DAY_NS

    def _segment_start(self, row: Any, ts_ns: int) -> int:
        if not self._from_ns <= ts_ns < self._until_ns:
            self._reach(ts_ns)
        own = self._segments[int(row["segment"]) : int(row["segment"]) + int(row["segment_rows"])]
        at = int(np.searchsorted(own["start_ns"], ts_ns, side="right")) - 1
        return int(own["start_ns"][at]) if at >= 0 else 0
