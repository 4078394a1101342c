"""Plain columns that fill piece by piece: impossible rows set aside, the rest split by symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.files.source import Source
from tidemill.adapters.files.stamps import NO_STAMP
from tidemill.model.errors import DataError
from tidemill.model.quality import BadRow, Quarantine, row_faults

__all__ = ["VALUES", "RawRows", "Shelf", "sift_rows"]

VALUES = ("open", "high", "low", "close", "volume")
_MOST_BAD_ROWS = 200_000


@dataclass(slots=True)
class RawRows:
    """The sound rows of one symbol in one file, in file order.

    Args:
        source: file name without folder.
        symbol: the file's own name of the instrument, or None.
        ts: int64[n], nanoseconds since 1970, on UTC or on a wall clock.
        is_local: whether ``ts`` is a wall clock's.
        values: float64[5, n]: open, high, low, close, volume.
        row: int64[n], row numbers in the file; 1 is the first data row.
        rows_read: rows of this symbol in the file, the impossible ones included.
        quarantine: rows set aside, their stamps on the same clock as ``ts``.
        interval_ns: bar size the file itself names, or None.
        is_simulated: whether the file says the data are synthetic.
        warnings: sentences for the user.
    """

    source: str
    symbol: str | None
    ts: NDArray[np.int64]
    is_local: bool
    values: NDArray[np.float64]
    row: NDArray[np.int64]
    rows_read: int
    quarantine: Quarantine
    interval_ns: int | None
    is_simulated: bool
    warnings: list[str]


def _set_aside(
    source: str,
    ts: NDArray[np.int64],
    columns: Sequence[NDArray[np.float64]],
    numbers: NDArray[np.int64],
    codes: NDArray[np.int32],
    bad: Sequence[Quarantine],
) -> NDArray[np.bool_]:
    """Return which rows are impossible, and put those with a code from 0 on into the quarantine of that number."""
    faults = row_faults(*columns)
    faults[ts == NO_STAMP] = BadRow.NO_STAMP
    for at in np.flatnonzero((faults != BadRow.NONE) & (codes >= 0)):
        stamp = int(ts[at])
        open_, high, low, close, volume = (float(column[at]) for column in columns)
        bad[int(codes[at])].add(
            source,
            int(numbers[at]),
            None if stamp == NO_STAMP else stamp,
            (open_, high, low, close, volume),
            BadRow(int(faults[at])),
        )
    if sum(len(rows) for rows in bad) > _MOST_BAD_ROWS:
        raise DataError(
            f"{source} has more than {_MOST_BAD_ROWS:,} impossible rows; its columns are probably mapped wrongly "
            "(see --map)."
        )
    is_bad: NDArray[np.bool_] = faults != BadRow.NONE
    return is_bad


def sift_rows(
    source: str, symbol: str, ts: NDArray[np.int64], values: NDArray[np.float64], *, is_local: bool
) -> RawRows:
    """Return rows that were read elsewhere, the impossible ones set aside.

    Args:
        source: file name without folder.
        symbol: the instrument.
        ts: int64[n], nanoseconds since 1970.
        values: float64[5, n]: open, high, low, close, volume.
        is_local: whether ``ts`` is a wall clock's.
    """
    numbers = np.arange(1, len(ts) + 1)
    quarantine = Quarantine.empty()
    sound = ~_set_aside(source, ts, list(values), numbers, np.zeros(len(ts), np.int32), [quarantine])
    kept = (ts[sound], is_local, values[:, sound], numbers[sound])
    return RawRows(source, symbol, *kept, len(ts), quarantine, None, False, [])


class Shelf:
    """Columns of a known size that fill piece by piece with sound rows.

    Args:
        source: the open file.
        total: rows the file can yield at most.
        symbols: number of symbols its rows are coded by.
    """

    def __init__(self, source: Source, total: int, symbols: int) -> None:
        self.name = source.name
        self.ts = np.empty(total, np.int64)
        self.row = np.empty(total, np.int64)
        self.values = np.empty((len(VALUES), total))
        self.code = np.empty(total if symbols > 1 else 0, np.int32)
        self.read = np.zeros(symbols, np.int64)
        self.bad = [Quarantine.empty() for _ in range(symbols)]
        self.kept = self.seen = 0
        for number in source.rejected:
            self.bad[0].add(self.name, int(number), None, (np.nan,) * 5, BadRow.UNREADABLE)
        self.read[0] += len(source.rejected)
        # Row k among the readable lines is row k plus the unreadable ones before it.
        self.shift = source.rejected - np.arange(len(source.rejected))

    def take(self, piece: Mapping[str, NDArray[Any]]) -> None:
        """Keep a piece's sound rows and set the impossible ones aside."""
        count = len(piece["ts"])
        codes = np.asarray(piece["code"]) if "code" in piece else np.zeros(count, np.int32)
        numbers = np.arange(self.seen + 1, self.seen + count + 1)
        numbers += np.searchsorted(self.shift, numbers, side="right")
        self.seen += count
        self.read += np.bincount(codes[codes >= 0], minlength=len(self.read))
        columns = [np.asarray(piece[role]) for role in VALUES]
        wanted = codes >= 0
        sound = wanted & ~_set_aside(self.name, piece["ts"], columns, numbers, np.where(wanted, codes, -1), self.bad)
        cut = slice(self.kept, self.kept + int(np.count_nonzero(sound)))
        self.kept = cut.stop
        self.ts[cut], self.row[cut] = piece["ts"][sound], numbers[sound]
        for place in range(len(VALUES)):
            self.values[place, cut] = columns[place][sound]
        if len(self.code):
            self.code[cut] = codes[sound]

    def parts(self, symbols: Sequence[str], is_local: bool, warnings: Sequence[str]) -> list[RawRows]:
        """Return the kept rows, split by symbol."""
        parts: list[RawRows] = []
        for number, rejects in enumerate(self.bad):
            at = np.flatnonzero(self.code[: self.kept] == number) if len(self.code) else slice(0, self.kept)
            parts.append(
                RawRows(
                    self.name,
                    symbols[number] if symbols else None,
                    self.ts[at],
                    is_local,
                    self.values[:, at],
                    self.row[at],
                    int(self.read[number]),
                    rejects,
                    None,
                    False,
                    list(warnings),
                )
            )
        return parts
