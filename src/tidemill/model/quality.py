"""Which rows of market data are impossible, and the record of what was set aside and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["BadRow", "Quarantine", "repeated_stamps", "row_faults"]


class BadRow(IntEnum):
    """Why a row was set aside; the value is stored in files, so it is never renumbered."""

    NONE = 0
    NO_STAMP = 1
    NOT_A_NUMBER = 2
    INFINITE = 3
    NOT_POSITIVE = 4
    HIGH_BELOW_LOW = 5
    OUTSIDE_RANGE = 6
    NEGATIVE_VOLUME = 7
    DUPLICATE = 8
    CONFLICT = 9
    UNREADABLE = 10

    @property
    def sentence(self) -> str:
        """The reason in one sentence a trader understands."""
        return _SENTENCES[self]


_SENTENCES = {
    BadRow.NONE: "The row is sound.",
    BadRow.NO_STAMP: "The time stamp is missing or cannot be read.",
    BadRow.NOT_A_NUMBER: "A price or the volume is missing or not a number.",
    BadRow.INFINITE: "A price or the volume is infinite.",
    BadRow.NOT_POSITIVE: "A price is zero or negative.",
    BadRow.HIGH_BELOW_LOW: "The high is below the low.",
    BadRow.OUTSIDE_RANGE: "The open or the close lies outside the range from low to high.",
    BadRow.NEGATIVE_VOLUME: "The volume is negative.",
    BadRow.DUPLICATE: "An earlier row has the same time stamp; the first one is kept.",
    BadRow.CONFLICT: "Another file has the same time stamp with other values; the first file is kept.",
    BadRow.UNREADABLE: "The line cannot be split into the file's columns.",
}


def row_faults(
    open_: NDArray[np.float64],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    volume: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return the first fault of each bar, 0 where it is sound.

    Args:
        open_, high, low, close: float64[n], quote currency.
        volume: float64[n], units traded.

    Returns:
        uint8[n] of ``BadRow`` values, the lowest-numbered fault of a row winning.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        sound = (low > 0) & (low <= open_) & (open_ <= high) & (low <= close) & (close <= high) & (high < np.inf)
        sound &= (volume >= 0) & (volume < np.inf)
    faults = np.zeros(len(open_), np.uint8)
    suspects = np.flatnonzero(~sound)
    if not len(suspects):
        return faults
    prices = np.stack([column[suspects] for column in (open_, high, low, close)])
    size = volume[suspects]
    top, bottom = prices[1], prices[2]
    outer = ((prices[[0, 3]] < bottom) | (prices[[0, 3]] > top)).any(axis=0)
    rules = (
        (BadRow.NOT_A_NUMBER, np.isnan(prices).any(axis=0) | np.isnan(size)),
        (BadRow.INFINITE, np.isinf(prices).any(axis=0) | np.isinf(size)),
        (BadRow.NOT_POSITIVE, (prices <= 0).any(axis=0)),
        (BadRow.HIGH_BELOW_LOW, top < bottom),
        (BadRow.OUTSIDE_RANGE, outer),
        (BadRow.NEGATIVE_VOLUME, size < 0),
    )
    for reason, mask in reversed(rules):
        faults[suspects[mask]] = reason
    return faults


def repeated_stamps(ts_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows of a sorted stamp column repeat the stamp before them."""
    repeated = np.zeros(len(ts_ns), np.bool_)
    if len(ts_ns) > 1:
        np.equal(ts_ns[1:], ts_ns[:-1], out=repeated[1:])
    return repeated


@dataclass(slots=True)
class Quarantine:
    """Rows set aside while reading, in the order they were found.

    Args:
        source: file name of each row, without folder.
        row: row number in its file; 1 is the first row after the header.
        ts_ns: UTC nanoseconds, or None where the stamp could not be read.
        values: open, high, low, close, volume of each row.
        reason: why each row was set aside.
    """

    source: list[str]
    row: list[int]
    ts_ns: list[int | None]
    values: list[tuple[float, float, float, float, float]]
    reason: list[BadRow]

    @classmethod
    def empty(cls) -> Quarantine:
        """Return a quarantine without rows."""
        return cls([], [], [], [], [])

    def __len__(self) -> int:
        return len(self.row)

    def add(
        self,
        source: str,
        row: int,
        ts_ns: int | None,
        values: tuple[float, float, float, float, float],
        reason: BadRow,
    ) -> None:
        """Set one row aside."""
        self.source.append(source)
        self.row.append(row)
        self.ts_ns.append(ts_ns)
        self.values.append(values)
        self.reason.append(reason)

    def extend(self, other: Quarantine) -> None:
        """Take over the rows of another quarantine."""
        for name in self.__slots__:
            getattr(self, name).extend(getattr(other, name))

    def counts(self) -> dict[BadRow, int]:
        """Return how many rows were set aside per reason, most frequent first."""
        tally = {reason: self.reason.count(reason) for reason in dict.fromkeys(self.reason)}
        return dict(sorted(tally.items(), key=lambda item: (-item[1], item[0])))
