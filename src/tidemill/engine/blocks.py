"""Blocks of bytes laid out as header and tables, aligned and zeroed; the only owner of raw memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "table_bytes"]

_ALIGN = 64


def table_bytes(layout: np.dtype[Any], rows: int) -> int:
    """Return the bytes of a table, rounded up to whole cache lines."""
    size = layout.itemsize * max(rows, 1)
    return (size + _ALIGN - 1) // _ALIGN * _ALIGN


class Block:
    """A zeroed, aligned stretch of memory with typed views on its tables.

    Args:
        header: record type at offset 0; it has a field per table (offset) and ``n_<table>`` (rows).
        tables: (name, record type, rows) in the order they lie in memory.
        extra_bytes: free bytes behind the tables.
    """

    def __init__(
        self, header: np.dtype[Any], tables: list[tuple[str, np.dtype[Any], int]], extra_bytes: int = 0
    ) -> None:
        offsets: dict[str, int] = {}
        at = table_bytes(header, 1)
        for name, layout, rows in tables:
            offsets[name] = at
            at += table_bytes(layout, rows)
        self.extra = at
        self.size = at + extra_bytes
        raw = np.zeros(self.size + _ALIGN, np.uint8)
        shift = -raw.ctypes.data % _ALIGN
        self.bytes: NDArray[np.uint8] = raw[shift : shift + self.size]
        self.address = int(self.bytes.ctypes.data)
        self.header = self.view(0, header, 1)
        self.tables = {name: self.view(offsets[name], layout, rows) for name, layout, rows in tables}
        for name, _, rows in tables:
            self.header[name] = offsets[name]
            self.header[f"n_{name}"] = rows
        self.header["bytes"] = self.size

    def view(self, offset: int, layout: np.dtype[Any], rows: int) -> NDArray[Any]:
        """Return a typed view of ``rows`` records at an offset."""
        return self.bytes[offset : offset + layout.itemsize * rows].view(layout)

    def snapshot(self) -> bytes:
        """Return a copy of all bytes."""
        return self.bytes.tobytes()

    def restore(self, snapshot: bytes) -> None:
        """Put a snapshot back."""
        self.bytes[:] = np.frombuffer(snapshot, np.uint8)
