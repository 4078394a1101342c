"""The tape's tables: rows a run writes, growing when the loop says they are full."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.records import TAPE
from tidemill.model.tape import DAY_ROW, EQUITY_ROW, FILL_ROW, ORDER_ROW, REFUSAL_ROW, TRIP_ROW

__all__ = ["Tape"]

_TABLES: dict[str, tuple[np.dtype[Any], str]] = {
    "equity": (EQUITY_ROW, "equity_count"),
    "days": (DAY_ROW, "day_count"),
    "fills": (FILL_ROW, "fill_count"),
    "trips": (TRIP_ROW, "trip_count"),
    "orders": (ORDER_ROW, "order_count"),
    "refusals": (REFUSAL_ROW, "refusal_count"),
}


class Tape:
    """Growing tables with a header the core writes through."""

    def __init__(self, equity_rows: int) -> None:
        # pages that are never written are never taken from the machine: generous tables cost nothing
        rows = max(4096, equity_rows // 8)
        self.header = np.zeros(1, TAPE)
        self.tables: dict[str, NDArray[Any]] = {}
        for name, (layout, _) in _TABLES.items():
            self._set(name, np.empty(equity_rows + 8 if name == "equity" else rows, layout))
        # daily bars make a day of every mark; the loop leaps over many, so none may be missing room
        self._set("days", np.zeros(equity_rows + 8, DAY_ROW))

    @property
    def address(self) -> int:
        """Return where the header lies."""
        return int(self.header.ctypes.data)

    def _set(self, name: str, table: NDArray[Any]) -> None:
        self.tables[name] = table
        self.header[name] = table.ctypes.data
        self.header[f"n_{name}"] = len(table)

    def grow(self, needed: int) -> None:
        """Double every table that has less room than ``needed`` rows; there are never fewer days than marks."""
        for name, (layout, counter) in _TABLES.items():
            table = self.tables[name]
            used = int(self.header[counter][0])
            marks = len(self.tables["equity"]) if name == "days" else 0
            if used + needed + 2 >= len(table) or len(table) < marks:
                wider = np.zeros(max(2 * len(table) + 2 * needed, marks), layout)
                wider[:used] = table[:used]
                self._set(name, wider)

    def follow(self, timeline: NDArray[np.int64], bar_ns: int, streams: int) -> None:
        """Let the loop take its instants from a timeline; an empty one makes it follow the streams."""
        self._timeline = np.ascontiguousarray(timeline, np.int64)
        self.header["timeline"] = self._timeline.ctypes.data
        self.header["n_timeline"] = len(self._timeline)
        self.header["timeline_at"] = 0
        self.header["bar_ns"] = bar_ns
        self._dues = np.zeros(streams, np.int64)
        self.header["dues"] = self._dues.ctypes.data

    def clear(self) -> None:
        """Forget all rows, keeping the memory."""
        self.tables["days"][: int(self.header["day_count"][0]) + 1] = 0
        for _, counter in _TABLES.values():
            self.header[counter] = 0
        self.header["writes"] = 0
        self.header["last_equity"] = 0

    def rows(self, name: str) -> NDArray[Any]:
        """Return the written rows of a table (a view)."""
        return self.tables[name][: int(self.header[_TABLES[name][1]][0])]

    def content(self) -> bytes:
        """Return all written rows as bytes: what two equal runs must share."""
        return b"".join(self.rows(name).tobytes() for name in _TABLES)
