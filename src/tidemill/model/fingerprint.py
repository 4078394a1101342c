"""The identity of a table of bars."""

from __future__ import annotations

import hashlib

import numpy as np

from tidemill.model.bars import BarTable

__all__ = ["bars_sha256"]


def bars_sha256(bars: BarTable) -> str:
    """Return the SHA-256 of a table's rows, the same on every machine and for every file format.

    The columns ts (int64), open, high, low, close, volume (float64) are hashed one after another, little-endian.
    """
    digest = hashlib.sha256(np.ascontiguousarray(bars.ts, "<i8").data)
    for column in (bars.open, bars.high, bars.low, bars.close, bars.volume):
        digest.update(np.ascontiguousarray(column, "<f8").data)
    return digest.hexdigest()
