"""The look-ahead check: decisions on a truncated stream must equal the same stretch of the full run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tidemill.engine.engine import Engine
from tidemill.model.bars import BarTable

__all__ = ["is_prefix_invariant"]

_ORDER_FIELDS = ("order_id", "instrument", "strategy", "side", "quantity", "price", "ts_ns")


def _decisions_until(engine: Engine, end_ns: int) -> bytes:
    """Return everything decided or filled up to an instant, as bytes."""
    fills = engine.tape.rows("fills")
    refusals = engine.tape.rows("refusals")
    orders = engine.tape.rows("orders")
    early_fills = fills[fills["ts_ns"] < end_ns]
    early_orders = orders[orders["created_ns"] < end_ns][["order_id", "side", "quantity", "created_ns"]]
    early_orders = np.sort(early_orders, order="order_id")
    ended = early_orders[np.isin(early_orders["order_id"], early_fills["order_id"])]
    parts = (
        np.array(early_fills[list(_ORDER_FIELDS)]).tobytes(),
        np.array(ended).tobytes(),
        refusals[refusals["ts_ns"] < end_ns].tobytes(),
    )
    return b"".join(parts)


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
