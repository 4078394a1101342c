"""Every trade a run has heard, kept when the user wants so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.bars.parts import Parts
from tidemill.adapters.bars.waiting import Waiting
from tidemill.model.enums import EventKind

__all__ = ["TICK_ROW", "TickStore"]

TICK_ROW = np.dtype(
    [
        ("ts_ns", np.int64),  # stamp of the exchange, UTC
        ("received_ns", np.int64),  # when we had it, UTC
        ("seq", np.int64),  # number by which its source knows it, 0 without one
        ("price", np.float64),
        ("size", np.float64),
    ]
)

# A numbered print stands once, however often it came; prints without a number cannot be told apart.
_ONCE = "QUALIFY seq = 0 OR row_number() OVER (PARTITION BY ts_ns, seq ORDER BY received_ns, file_row_number) = 1"
_ARRIVAL = "ORDER BY received_ns, ts_ns, file_row_number"
_SELECT = f"SELECT {', '.join(TICK_ROW.names or ())} FROM rows"  # noqa: S608 - our own column names


class TickStore:
    """Trades by symbol. Appending only fills a buffer; ``flush`` writes, and may run on another thread.

    Args:
        root: the store's own folder.
    """

    def __init__(self, root: Path) -> None:
        self._parts = Parts(root, ("price", "size", "seq"))
        self._waiting: Waiting[str] = Waiting()

    def append(self, symbols: Sequence[str], rows: NDArray[Any]) -> None:
        """Take the TRADE rows among EVENT rows.

        Args:
            symbols: the run's symbols, by instrument.
        """
        rows = rows[rows["kind"] == int(EventKind.TRADE)]
        for number in np.unique(rows["instrument"]).tolist():
            chosen = rows[rows["instrument"] == number]
            out = np.zeros(len(chosen), TICK_ROW)
            for name, field in zip(TICK_ROW.names or (), ("ts_ns", "now_ns", "extra", "close", "volume"), strict=True):
                out[name] = chosen[field]
            self._waiting.keep(symbols[number], out)

    def flush(self) -> int:
        """Write what was appended; return the rows written.

        Raises:
            OutputError: a file cannot be written; its rows stay in the buffer.
        """
        return self._waiting.flush(self._write)

    def _write(self, symbol: str, rows: NDArray[Any]) -> None:
        self._parts.write({"symbol": symbol}, rows[np.argsort(rows["ts_ns"], kind="stable")])

    def between(self, symbol: str, start_ns: int, end_ns: int) -> NDArray[Any]:
        """Return TICK_ROW rows stamped within [start, end), in order of arrival: what a replay wants."""
        self.flush()
        parts = self._parts.parts({"symbol": symbol})
        wanted = [part for part in parts if part.first < end_ns and part.last >= start_ns]
        where = f"WHERE ts_ns >= {int(start_ns)} AND ts_ns < {int(end_ns)}"
        return self._parts.read(wanted, f"{_SELECT} {where} {_ONCE} {_ARRIVAL}", TICK_ROW)

    def symbols(self) -> list[str]:
        """Return the symbols there are trades of."""
        return [item["symbol"] for item in self._parts.series("symbol")]

    def close(self) -> None:
        """Write what is left and let go."""
        self.flush()
        self._parts.close()
