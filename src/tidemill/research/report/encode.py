"""Columns of numbers packed for the report page: whole steps of a grid, differences, short integers, deflate, base64.

A packed column is a small dictionary that goes into the page as JSON::

    n      how many values
    num    a value is  steps * num / den
    den
    delta  whether the steps are stored as differences to the step before (the first one to ``base``)
    base   what the first difference counts from
    data   zig-zag variable-length integers, deflated, in base64

The integer format is the one of Protocol Buffers' ``sint64``: seven bits to a byte, lowest first, the sign in bit 0.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.errors import DataError

__all__ = [
    "FINEST_DECIMALS",
    "Grid",
    "decode_varints",
    "encode_varints",
    "fit_grid",
    "pack_numbers",
    "pack_steps",
    "tick_grid",
    "unpack_numbers",
    "unpack_steps",
]

FINEST_DECIMALS = 8
_ROUNDING = 1e-9  # of a step: what a tick such as 0.1 misses its decimal by in binary
_SEVEN_BITS = np.uint64(0x7F)


@dataclass(frozen=True, slots=True)
class Grid:
    """The evenly spaced numbers on which a column lives: every value is ``steps * num / den``.

    A quotient of two whole numbers is rounded once, so 19715 * 1 / 100 is the very double that ``197.15`` reads as.
    """

    num: int
    den: int

    def steps(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the nearest whole step of every value."""
        return np.rint(values * (self.den / self.num)).astype(np.int64)

    def values(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the value of every step."""
        return (steps * self.num) / self.den

    def holds(self, values: NDArray[np.float64]) -> bool:
        """Return whether every value lies exactly on this grid."""
        return bool(np.array_equal(self.values(self.steps(values)), values))


def tick_grid(tick_size: float) -> Grid | None:
    """Return the grid of an instrument's tick (0.25 is 25/100), or None when it has none up to eight decimals."""
    for decimals in range(FINEST_DECIMALS + 1):
        scaled = tick_size * 10**decimals
        if tick_size > 0 and abs(scaled - round(scaled)) < _ROUNDING and round(scaled) > 0:
            return Grid(round(scaled), 10**decimals)
    return None


def fit_grid(values: NDArray[np.float64], tick_size: float = 0.0) -> Grid:
    """Return the coarsest grid that holds every value exactly: the tick, else decimals, else steps of 1e-8."""
    preferred = tick_grid(tick_size)
    decimal = [Grid(1, 10**decimals) for decimals in range(FINEST_DECIMALS + 1)]
    for grid in ([preferred] if preferred else []) + decimal:
        if grid.holds(values):
            return grid
    return decimal[-1]


def encode_varints(values: NDArray[np.int64]) -> bytes:
    """Write signed integers as zig-zag variable-length bytes."""
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    lengths = np.ones(len(zigzag), np.int64)
    for bits in range(7, 64, 7):
        lengths += zigzag >= np.uint64(1 << bits)
    starts = np.cumsum(lengths) - lengths
    out = np.zeros(int(lengths.sum()), np.uint8)
    for index in range(int(lengths.max(initial=0))):
        rows = np.flatnonzero(lengths > index)
        piece = (zigzag[rows] >> np.uint64(7 * index)) & _SEVEN_BITS
        more = (lengths[rows] > index + 1).astype(np.uint64) << np.uint64(7)
        out[starts[rows] + index] = piece | more
    return out.tobytes()


def decode_varints(data: bytes) -> NDArray[np.int64]:
    """Read what ``encode_varints`` wrote."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 0x80)
    if len(ends) == 0:
        return np.zeros(0, np.int64)
    starts = np.concatenate(([0], ends[:-1] + 1))
    place = np.arange(len(raw)) - np.repeat(starts, ends - starts + 1)
    pieces = (raw.astype(np.uint64) & _SEVEN_BITS) << (place.astype(np.uint64) * np.uint64(7))
    zigzag = np.add.reduceat(pieces, starts)
    return (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)


def pack_steps(steps: NDArray[np.int64], grid: Grid, *, delta: bool = False) -> dict[str, Any]:
    """Pack whole steps, as they are or as differences to the step before."""
    base = int(steps[0]) if delta and len(steps) else 0
    stored = np.diff(steps, prepend=np.int64(base)) if delta else steps
    packed = zlib.compress(encode_varints(np.ascontiguousarray(stored, np.int64)), 9)
    return {
        "n": len(steps),
        "num": grid.num,
        "den": grid.den,
        "delta": delta,
        "base": base,
        "data": base64.b64encode(packed).decode("ascii"),
    }


def unpack_steps(column: dict[str, Any]) -> NDArray[np.int64]:
    """Read the whole steps of a packed column."""
    stored = decode_varints(zlib.decompress(base64.b64decode(column["data"])))
    return np.cumsum(stored) + column["base"] if column["delta"] else stored


def pack_numbers(values: NDArray[Any], *, delta: bool = False, digits: int = FINEST_DECIMALS) -> dict[str, Any]:
    """Pack numbers on the coarsest decimal grid that holds them, after rounding to ``digits`` decimals.

    Raises:
        DataError: a value is not a finite number.
    """
    numbers = np.asarray(values, np.float64).round(digits)
    if not np.all(np.isfinite(numbers)):
        raise DataError("The report cannot show a column with missing or infinite numbers; check the data of the run.")
    grid = fit_grid(numbers)
    return pack_steps(grid.steps(numbers), grid, delta=delta)


def unpack_numbers(column: dict[str, Any]) -> NDArray[np.float64]:
    """Read the numbers of a packed column."""
    return Grid(column["num"], column["den"]).values(unpack_steps(column))
