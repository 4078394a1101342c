"""Rows of candles in the making: a desk, its candles, sessions, and the prints it remembers."""

from __future__ import annotations

import numpy as np

__all__ = ["CANDLE", "DESK", "FILLED", "HELD_BACK", "PRINT", "SEEN_ROWS", "SEGMENT", "TRADED"]

FILLED = 1
"""Flag in ``code`` of a BAR event: no trade happened, the bar repeats the close before it."""
HELD_BACK = 2
"""Flag of a row that is no bar to trade on: trades of it are missing, it wants a backfill."""
SEEN_ROWS = 256
"""How many numbered prints of an instrument are remembered against repetition."""
_I, _F = np.int64, np.float64
DESK = np.dtype(
    [
        ("candles", _I),  # address of the table
        ("n_candles", _I),
        ("traded", _I),  # address, one row per instrument
        ("n_traded", _I),
        ("prints", _I),  # address, SEEN_ROWS rows per instrument
        ("segments", _I),  # address
        ("n_segments", _I),
        ("out", _I),  # address of EVENT rows
        ("n_out", _I),
        ("made", _I),  # rows written to out
        ("worst", _I),  # most bars one trade can lead to
        ("max_gap_ns", _I),  # longest quiet stretch that is filled, 0 = none
    ]
)
TRADED = np.dtype(
    [
        ("first", _I),  # first candle of the instrument; they are neighbours
        ("count", _I),
        ("repeated", _I),  # prints that came again
    ]
)
PRINT = np.dtype([("seq", _I), ("ts_ns", _I)])
SEGMENT = np.dtype(
    [
        ("start_ns", _I),  # UTC, trading begins
        ("end_ns", _I),  # UTC, trading ends
        ("anchor_ns", _I),  # bars are counted from here, both ways
    ]
)
CANDLE = np.dtype(
    [
        ("instrument", _I),
        ("interval_ns", _I),
        ("segment", _I),  # first row of its segments
        ("segment_rows", _I),
        ("segment_at", _I),  # where the last trade lay, relative
        # the bar in the making
        ("start_ns", _I),
        ("end_ns", _I),  # 0: there is none
        ("open", _F),
        ("high", _F),
        ("low", _F),
        ("close", _F),
        ("volume", _F),
        ("count", _I),  # trades
        ("open_ns", _I),  # stamp of the trade that set the open
        ("close_ns", _I),  # stamp of the trade that set the close
        # what came before
        ("settled_ns", _I),  # trades before this instant come too late
        ("is_linked", _I),  # 1: the bar that ended at settled_ns was handed out, last_close is its close
        ("last_close", _F),
        ("last_segment_ns", _I),  # start of the segment it lay in
        ("whole_from_ns", _I),  # bars that begin earlier lack trades and are held back
        # counters
        ("made", _I),
        ("filled", _I),
        ("late", _I),
        ("late_ns", _I),  # stamp of the newest late trade
        ("outside", _I),  # trades outside all sessions
        ("held_back", _I),
    ]
)
