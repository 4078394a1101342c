"""A condition tree over whole columns, through the kernel that runs it bar by bar."""

from __future__ import annotations

from tidemill.kernel.compile import export
from tidemill.kernel.conditions import LAYOUT, judge
from tidemill.kernel.memory import float_at, record_at, store_int

__all__ = ["judge_rows"]

_LAYOUT = LAYOUT


@export("void(int64, int64, int64, int64)")
def judge_rows(memory: int, columns: int, rows: int, signals: int) -> None:
    """Let a tree take bar after bar and write its signals: 1 buy, -1 sell, 0 neither.

    Args:
        memory: address of one row of the tree's layout.
        columns: address of open, high, low, close, volume, float64, one column behind the other.
        rows: bars.
        signals: address of as many int64.
    """
    me = record_at(memory, _LAYOUT)
    for row in range(rows):
        open_, high, low = float_at(columns, row), float_at(columns, rows + row), float_at(columns, 2 * rows + row)
        close, volume = float_at(columns, 3 * rows + row), float_at(columns, 4 * rows + row)
        store_int(signals, row, judge(me, open_, high, low, close, volume))
