"""The look-ahead check: decisions on a truncated stream must equal the same stretch of the full run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.bars import BarTable
from tidemill.model.enums import Intent

__all__ = ["is_prefix_invariant"]

_FILL_FIELDS = ("ts_ns", "order_id", "instrument", "strategy", "side", "quantity", "price")
_DECISION = np.dtype(
    [("order_id", np.int64), ("side", np.int64), ("type", np.int64), ("intent", np.int64), ("created_ns", np.int64)]
)
_FEWEST_ROWS = 3


def _columns(rows: NDArray[Any], names: Sequence[str]) -> bytes:
    return b"".join(np.ascontiguousarray(rows[name]).tobytes() for name in names)


def _orders(engine: Engine) -> NDArray[Any]:
    """Return every order an engine ever made, ended or alive, by number: what was decided and when."""
    ended, table = engine.tape.rows("orders"), engine.state.tables["orders"]
    alive = table[table["id"] > 0]
    rows = np.zeros(len(ended) + len(alive), _DECISION)
    for name in _DECISION.names or ():
        rows[name][: len(ended)] = ended[name]
        rows[name][len(ended) :] = alive["id" if name == "order_id" else name]
    return rows[np.argsort(rows["order_id"])]


def _decisions_until(engine: Engine, end_ns: int) -> bytes:
    """Return everything decided up to an instant and everything filled before it, as bytes."""
    fills = engine.tape.rows("fills")
    fills = fills[fills["ts_ns"] < end_ns]
    orders = _orders(engine)
    # protection stamped at that very instant may belong to the next bar's open, which the shorter run does not have
    decided = orders[orders["intent"] != int(Intent.PROTECT)]
    refusals = engine.tape.rows("refusals")
    refusals = refusals[refusals["ts_ns"] <= end_ns]
    parts: bytes = (
        _columns(fills, _FILL_FIELDS)
        + orders[orders["created_ns"] < end_ns].tobytes()
        + decided[decided["created_ns"] == end_ns].tobytes()
        + _columns(refusals, refusals.dtype.names or ())
    )
    return parts


def _cuts(full: Engine, ends: NDArray[np.int64], generator: np.random.Generator, count: int) -> list[int]:
    """Choose where to cut: mostly right after decisions of the full run, where a look at the next bar would show."""
    decided = np.unique(full.tape.rows("orders")["created_ns"])
    decided = decided[np.isin(decided, ends[:-1])]
    wanted = min(len(decided), count - 1)
    chosen = generator.choice(decided, wanted, replace=False) if wanted else np.zeros(0, np.int64)
    return [int(end) for end in (*chosen, *generator.choice(ends[:-1], count - wanted))]


def is_prefix_invariant(
    full: Engine,
    bars: Sequence[BarTable],
    rerun: Callable[[Sequence[BarTable]], Engine],
    *,
    seed: int,
    cuts: int = 4,
    max_rows: int = 300_000,
) -> bool:
    """Run a few truncations of the data and compare every decision with the full run's.

    Args:
        full: the finished engine.
        bars: its data.
        rerun: runs the same strategies from scratch on other bars.
        seed: of the truncation points.
        cuts: how many truncations; all but one end right after a decision of the full run.
        max_rows: rows per truncation at most, so that long runs are not doubled.
    """
    ends = np.sort(np.concatenate([table.ts + table.duration_ns for table in bars if len(table)]))[:max_rows]
    if len(ends) < _FEWEST_ROWS:
        return True
    for end in _cuts(full, ends, np.random.default_rng(seed), cuts):
        kept = [table.rows(0, int(np.searchsorted(table.ts + table.duration_ns, end, side="right"))) for table in bars]
        short = rerun([table for table in kept if len(table)])
        if _decisions_until(short, end) != _decisions_until(full, end):
            return False
    return True
