"""Trades and quotes as they leave the exchange: plain structured arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidemill.research.synthetic.profiles import SymbolProfile
from tidemill.research.synthetic.trades import Tape

__all__ = ["QUOTE", "TICK", "quote_rows", "tick_rows"]

TICK = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("received_ns", "<i8"),
        ("seq", "<i8"),
        ("price", "<f8"),
        ("size", "<i8"),
        ("side", "i1"),
    ]
)
"""One trade: exchange time, delivery time, the exchange's sequence number, price, size, Side of the aggressor
(0 in auctions)."""

QUOTE = np.dtype([("ts_ns", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("bid_size", "<i8"), ("ask_size", "<i8")])
"""One best bid and offer, stamped a nanosecond before the trade that met it."""

_DELIVERY_NS = 1_000_000
_MOST_LOTS = 40


def tick_rows(profile: SymbolProfile, tape: Tape, sequence: NDArray[np.int64]) -> NDArray[np.void]:
    """Return every trade of a tape.

    Args:
        sequence: int64[n], the exchange's numbering; numbers are missing where trades were lost.
    """
    rows = np.zeros(len(tape.ts_ns), dtype=TICK)
    rows["ts_ns"] = tape.ts_ns
    rows["received_ns"] = tape.ts_ns + _DELIVERY_NS
    rows["seq"] = sequence
    rows["price"] = tape.ticks / float(profile.ticks_per_unit)
    rows["size"] = tape.size
    rows["side"] = tape.side
    return rows


def quote_rows(rng: np.random.Generator, profile: SymbolProfile, tape: Tape) -> NDArray[np.void]:
    """Return the quotes the trades met, one row per change of price; sizes are round lots."""
    plain = np.flatnonzero(tape.side != 0)
    bid, ask = tape.bid_ticks[plain], tape.ask_ticks[plain]
    changed = (np.diff(bid, prepend=-1) != 0) | (np.diff(ask, prepend=-1) != 0)
    kept = plain[changed]
    rows = np.zeros(len(kept), dtype=QUOTE)
    unit = float(profile.ticks_per_unit)
    rows["ts_ns"] = np.maximum(tape.ts_ns[kept] - 1, tape.ts_ns[np.maximum(kept - 1, 0)])
    rows["bid"] = tape.bid_ticks[kept] / unit
    rows["ask"] = tape.ask_ticks[kept] / unit
    for name in ("bid_size", "ask_size"):
        rows[name] = rng.integers(1, _MOST_LOTS, len(kept)) * profile.lot
    return rows
