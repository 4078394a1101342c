"""Rows that wait to be written, the newest of each key; and what every family of rows needs to know of the run."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

from tidemill.model.instrument import Instrument
from tidemill.model.journal import ProjectionRow
from tidemill.model.records import HEADER
from tidemill.runtime.core import Core
from tidemill.runtime.orders.book import OrderBook

__all__ = ["Sheet", "Values", "share_pct"]

Values = dict[str, str | int | float | None]


def share_pct(part: float, whole: float) -> float | None:
    """Return a part in percent of a whole, None of nothing."""
    return 100.0 * part / whole if whole else None


@dataclass(slots=True)
class Sheet:
    """What is to be written, and where it comes from.

    Args:
        core, book: of the run, looked at and never changed.
        run_id, account, mode: names. instruments, strategies: in the core's order. cash_micros: at the start.
        known_seq: rows up to here have their read rows in the store already.
    """

    core: Core
    book: OrderBook
    run_id: str
    account: str
    mode: str
    instruments: Sequence[Instrument]
    strategies: Sequence[str]
    cash_micros: int
    known_seq: int = 0
    seq: int = 0
    waiting: dict[tuple[str, tuple[str | int, ...]], ProjectionRow] = field(default_factory=dict)
    _now: ctypes.c_int64 = field(init=False)
    _halted: ctypes.c_int64 = field(init=False)

    def __post_init__(self) -> None:
        base = self.core.engine.state.address
        self._now = ctypes.c_int64.from_address(base + HEADER.fields["now_ns"][1])  # type: ignore[index]
        self._halted = ctypes.c_int64.from_address(base + HEADER.fields["halted"][1])  # type: ignore[index]

    @property
    def now_ns(self) -> int:
        """Return the core's clock."""
        return self._now.value

    @property
    def is_halted(self) -> bool:
        """Tell whether the core refuses entries."""
        return self._halted.value != 0

    def put(self, table: str, key: tuple[str | int, ...], values: Values) -> None:
        """Take a row; it replaces the one of its key."""
        if self.seq > self.known_seq:
            self.waiting[table, key] = ProjectionRow(table, (self.run_id, *key), values)
