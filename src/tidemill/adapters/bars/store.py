"""Every bar a run has heard, kept: written in batches, read by symbol and size, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.bars.coverage import Coverage, expected_starts, find_gaps
from tidemill.adapters.bars.parts import Part, Parts
from tidemill.adapters.bars.waiting import Waiting
from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.enums import EventKind
from tidemill.model.intervals import format_interval, parse_interval
from tidemill.ports.calendar import Schedule

__all__ = ["BarStore", "StoreStatistics"]

_COLUMNS = ("open", "high", "low", "close", "volume")
_ROW = np.dtype(
    [
        ("ts_ns", np.int64),  # start, UTC
        ("end_ns", np.int64),  # when it was over, UTC
        *((name, np.float64) for name in _COLUMNS),
        ("ticks", np.int64),  # trades in it, 0: unknown or none
        ("flags", np.int64),  # as in ``code`` of a BAR event: 1 flat filler of a quiet stretch
        ("received_ns", np.int64),  # when we had it, UTC
    ]
)
# Two parts of one series may hold the same bar (a correction, a backfill): what was received last counts.
_NEWEST = "QUALIFY row_number() OVER (PARTITION BY ts_ns ORDER BY received_ns DESC, ticks DESC, volume DESC) = 1"
_SELECT = f"SELECT {', '.join(_ROW.names or ())} FROM rows"  # noqa: S608 - our own column names
_MANY_PARTS = 32


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """How much is stored.

    Args:
        bars: rows in all files; a corrected bar counts as often as it was written until its series is compacted.
        size_mb: of the files, millions of bytes.
        damaged: files that could not be read and were set aside.
    """

    bars: int
    series: int
    files: int
    size_mb: float
    first_ns: int
    last_ns: int
    damaged: int


class BarStore:
    """Bars by symbol and size. Appending only fills a buffer; ``flush`` writes, and may run on another thread.

    Writing the same bars again changes nothing that is read; a bar received later replaces an earlier one.

    Args:
        root: the store's own folder.
    """

    def __init__(self, root: Path) -> None:
        self._parts = Parts(root, [name for name in _ROW.names or () if name not in {"ts_ns", "received_ns"}])
        self._waiting: Waiting[tuple[str, int]] = Waiting()

    def append(self, symbols: Sequence[str], rows: NDArray[Any], received_ns: int) -> None:
        """Take the BAR rows among EVENT rows.

        Args:
            symbols: the run's symbols, by instrument.
            received_ns: when they were had, UTC.
        """
        rows = rows[rows["kind"] == int(EventKind.BAR)]
        for number, interval_ns in sorted(
            set(zip(rows["instrument"].tolist(), rows["interval_ns"].tolist(), strict=True))
        ):
            chosen = rows[(rows["instrument"] == number) & (rows["interval_ns"] == interval_ns)]
            out = np.zeros(len(chosen), _ROW)
            out["ts_ns"], out["end_ns"], out["received_ns"] = chosen["ts_ns"], chosen["now_ns"], received_ns
            out["ticks"], out["flags"] = chosen["extra"], chosen["code"]
            for name in _COLUMNS:
                out[name] = chosen[name]
            self._keep(symbols[number], interval_ns, out)

    def put(self, table: BarTable, received_ns: int) -> None:
        """Take a whole table, of a backfill for example."""
        out = np.zeros(len(table), _ROW)
        out["ts_ns"], out["end_ns"], out["received_ns"] = table.ts, table.ts + table.duration_ns, received_ns
        for name in _COLUMNS:
            out[name] = getattr(table, name)
        self._keep(table.symbol, table.interval_ns, out)

    def flush(self) -> int:
        """Write what was appended; return the rows written.

        Raises:
            OutputError: a file cannot be written; its rows stay in the buffer.
        """
        return self._waiting.flush(self._write, self._tidy)

    def _write(self, key: tuple[str, int], rows: NDArray[Any]) -> None:
        self._parts.write(_series(*key), rows[np.lexsort((rows["received_ns"], rows["ts_ns"]))])

    def _tidy(self, key: tuple[str, int]) -> None:
        if len(self._parts.parts(_series(*key))) >= _MANY_PARTS:
            self.compact(*key)

    def recent(self, symbol: str, interval_ns: int, limit: int) -> BarTable:
        """Return the newest ``limit`` bars, oldest first."""
        self.flush()
        parts = self._parts.parts(_series(symbol, interval_ns))
        count = 1
        while True:
            sql = f"{_SELECT} {_NEWEST} ORDER BY ts_ns DESC LIMIT {int(limit)}"
            rows = self._parts.read(parts[:count], sql, _ROW)[::-1]
            is_enough = len(rows) >= limit and (count >= len(parts) or parts[count].last < int(rows["ts_ns"][0]))
            if is_enough or count >= len(parts):
                return _table(symbol, interval_ns, rows)
            count *= 2

    def between(self, symbol: str, interval_ns: int, start_ns: int, end_ns: int) -> BarTable:
        """Return the bars that begin within [start, end), oldest first."""
        self.flush()
        return _table(symbol, interval_ns, self._rows(symbol, interval_ns, start_ns, end_ns))

    def latest(self, symbol: str, interval_ns: int) -> BarTable:
        """Return the newest bar, or a table without rows."""
        return self.recent(symbol, interval_ns, 1)

    def coverage(self, symbol: str, interval_ns: int, start_ns: int, end_ns: int, schedule: Schedule) -> Coverage:
        """Say which bars of the regular sessions are there within [start, end) and which are missing."""
        have = self.between(symbol, interval_ns, start_ns, end_ns).ts
        gaps = find_gaps(have, expected_starts(schedule, interval_ns, start_ns, end_ns), interval_ns)
        first, last = (int(have[0]), int(have[-1])) if len(have) else (0, 0)
        return Coverage(len(have), first, last, gaps)

    def compact(self, symbol: str, interval_ns: int) -> None:
        """Merge a series into one part, each bar once."""
        series = _series(symbol, interval_ns)
        parts = self._parts.parts(series)
        rows = self._parts.read(parts, f"{_SELECT} {_NEWEST} ORDER BY ts_ns", _ROW)
        if len(parts) > 1 and len(rows):
            whole = self._parts.write(series, rows)
            self._parts.drop([part for part in parts if part.path != whole.path])

    def series(self) -> list[tuple[str, int]]:
        """Return (symbol, bar size) of everything stored."""
        return [(item["symbol"], parse_interval(item["interval"])) for item in self._parts.series("symbol", "interval")]

    def statistics(self) -> StoreStatistics:
        """Return how much is stored."""
        self.flush()
        series = self.series()
        parts: list[Part] = [part for key in series for part in self._parts.parts(_series(*key))]
        return StoreStatistics(
            bars=sum(part.rows for part in parts),
            series=len(series),
            files=len(parts),
            size_mb=sum(part.path.stat().st_size for part in parts) / 1e6,
            first_ns=min((part.first for part in parts), default=0),
            last_ns=max((part.last for part in parts), default=0),
            damaged=self._parts.damaged,
        )

    def close(self) -> None:
        """Write what is left and let go."""
        self.flush()
        self._parts.close()

    def _keep(self, symbol: str, interval_ns: int, rows: NDArray[Any]) -> None:
        if len(rows):
            self._waiting.keep((symbol, interval_ns), rows)

    def _rows(self, symbol: str, interval_ns: int, start_ns: int, end_ns: int) -> NDArray[Any]:
        parts = self._parts.parts(_series(symbol, interval_ns))
        wanted = [part for part in parts if part.first < end_ns and part.last >= start_ns]
        where = f"WHERE ts_ns >= {int(start_ns)} AND ts_ns < {int(end_ns)}"
        return self._parts.read(wanted, f"{_SELECT} {where} {_NEWEST} ORDER BY ts_ns", _ROW)


def _series(symbol: str, interval_ns: int) -> dict[str, str]:
    return {"symbol": symbol, "interval": format_interval(interval_ns)}


def _table(symbol: str, interval_ns: int, rows: NDArray[Any]) -> BarTable:
    duration = interval_ns
    if interval_ns >= DAY_NS and len(rows):
        duration = int(np.median(rows["end_ns"] - rows["ts_ns"]))
    columns = {name: np.ascontiguousarray(rows[name]) for name in ("ts_ns", *_COLUMNS)}
    return BarTable(
        symbol,
        interval_ns,
        duration,
        ts=columns["ts_ns"],
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
        volume=columns["volume"],
        meta={"source": "stored live bars", "filled": int((rows["flags"] & 1).sum())},
    )
