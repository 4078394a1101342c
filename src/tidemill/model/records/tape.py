"""Where the written rows of a run lie and how many there are."""

from __future__ import annotations

import numpy as np

__all__ = ["TAPE"]

_I = np.int64

TAPE = np.dtype(
    [
        ("equity", _I),  # address of the rows
        ("n_equity", _I),  # capacity
        ("equity_count", _I),
        ("days", _I),
        ("n_days", _I),
        ("day_count", _I),
        ("fills", _I),
        ("n_fills", _I),
        ("fill_count", _I),
        ("trips", _I),
        ("n_trips", _I),
        ("trip_count", _I),
        ("orders", _I),
        ("n_orders", _I),
        ("order_count", _I),
        ("refusals", _I),
        ("n_refusals", _I),
        ("refusal_count", _I),
        ("timeline", _I),  # address of all instants at which any bar ends; 0: streams are followed bar by bar
        ("n_timeline", _I),
        ("timeline_at", _I),  # cursor
        ("bar_ns", _I),  # length of all bars of a timeline
        ("dues", _I),  # address of each stream's next instant, side by side
        ("writes", _I),  # rows written to fills, trips, orders and refusals together
        ("last_equity", _I),  # micros, of the last mark
    ]
)
