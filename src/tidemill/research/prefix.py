"""The look-ahead check: decisions on a truncated stream must equal the same stretch of the full run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.bars import BarTable

__all__ = ["is_prefix_invariant"]

_FILL_FIELDS = ("ts_ns", "order_id", "instrument", "strategy", "side", "quantity", "price")
_ORDER_FIELDS = ("order_id", "side", "type", "created_ns", "limit_price", "stop_price")


def _columns(rows: NDArray[Any], names: Sequence[str]) -> bytes:
    return b"".join(np.ascontiguousarray(rows[name]).tobytes() for name in names)


def _decisions_until(engine: Engine, end_ns: int) -> bytes:
    """Return everything decided or filled before an instant, as bytes."""
    fills = engine.tape.rows("fills")
    fills = fills[fills["ts_ns"] < end_ns]
    orders = engine.tape.rows("orders")
    orders = orders[np.isin(orders["order_id"], fills["order_id"])]
    orders = orders[np.argsort(orders["order_id"])]
    refusals = engine.tape.rows("refusals")
    refusals = refusals[refusals["ts_ns"] < end_ns]
    return (
        _columns(fills, _FILL_FIELDS) + _columns(orders, _ORDER_FIELDS) + _columns(refusals, refusals.dtype.names or ())
    )


def is_prefix_invariant(
    full: Engine,
    bars: Sequence[BarTable],
    rerun: Callable[[Sequence[BarTable]], Engine],
    *,
    seed: int,
    cuts: int = 3,
    max_rows: int = 300_000,
) -> bool:
    """Run a few random truncations of the data and compare every decision with the full run's.

    Args:
        full: the finished engine.
        bars: its data.
        rerun: runs the same strategies from scratch on other bars.
        seed: of the truncation points.
        cuts: how many truncations.
        max_rows: rows per truncation at most, so that long runs are not doubled.
    """
    generator = np.random.default_rng(seed)
    ends = np.sort(np.concatenate([table.ts + table.duration_ns for table in bars if len(table)]))
    limit = min(len(ends) - 1, max_rows)
    if limit < 2:
        return True
    for cut in generator.integers(1, limit, size=cuts):
        end = int(ends[cut])
        kept = [table.rows(0, int(np.searchsorted(table.ts + table.duration_ns, end, side="right"))) for table in bars]
        short = rerun([table for table in kept if len(table)])
        if _decisions_until(short, end) != _decisions_until(full, end):
            return False
    return True
