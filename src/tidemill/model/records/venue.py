"""The simulated exchange: header, books and orders."""

from __future__ import annotations

import numpy as np

__all__ = ["VENUE", "VENUE_BOOK", "VENUE_ORDER"]

_I = np.int64
_F = np.float64

VENUE = np.dtype(
    [
        ("version", _I),
        ("bytes", _I),
        ("books", _I),  # offset
        ("n_books", _I),
        ("orders", _I),
        ("n_orders", _I),  # capacity
        ("free_order", _I),
        ("working", _I),  # orders in all books
        ("newest", _I),  # number of the order that arrived last
        ("reports", _I),  # offset of a ring of EVENT rows
        ("n_reports", _I),
        ("report_head", _I),
        ("report_tail", _I),
        ("latency_ns", _I),
        ("fill_timing", _I),  # FillTiming
        ("path_rule", _I),  # PathRule
        ("limit_through", _I),  # 1: a limit fills only when the price trades through it
        ("volume_cap", _F),  # share of a bar's volume one bar may fill, 0 = no cap
        ("allow_partial", _I),
        ("overflow", _I),  # orders refused because the table was full
    ]
)

VENUE_BOOK = np.dtype(
    [
        ("tick", _F),
        ("lot", _F),
        ("multiplier", _F),
        ("first", _I),  # first working order, -1; chained by rising number
        ("slippage", _I),  # Slippage
        ("slippage_value", _F),  # points (FIXED), percent (PROPORTIONAL), spread in points (HALF_SPREAD)
        ("fee_unit", _F),  # money per share or contract
        ("fee_pct", _F),  # percent of notional
        ("fee_minimum", _F),  # money per order
        ("available", _F),  # units this bar may still fill
        ("opened_ns", _I),  # start of the bar the book saw last
        ("day", _I),  # its trading day
        ("session", _I),  # 1: it opens its session, 2: it closes it, 3: both, 0: neither
        ("newest", _I),  # number of the newest order when the stage began; younger ones wait
        ("tried", _I),  # number of the order that had the last turn in this pass
        ("passes", _I),  # passes of this stage that are over
        ("seen", _F),  # last price before the stage
        ("last", _F),  # last price, NaN before the first
        ("bid", _F),
        ("ask", _F),
        ("band_known", _I),  # 1: the band below fits the orders in the book
        ("band_low", _F),  # a bar that stays above this and
        ("band_high", _F),  # below that touches no order
    ]
)

VENUE_ORDER = np.dtype(
    [
        ("id", _I),
        ("row", _I),  # of the core's order table, handed back in reports
        ("next", _I),
        ("instrument", _I),
        ("side", _I),
        ("type", _I),
        ("tif", _I),
        ("reduce_only", _I),  # 1: exits and protection
        ("quantity", _F),
        ("filled", _F),
        ("limit_price", _F),
        ("stop_price", _F),
        ("trail_amount", _F),
        ("trail_pct", _F),
        ("extreme", _F),  # best price since acceptance, for trailing stops
        ("triggered", _I),  # stop-limit: works as a limit now
        ("group", _I),
        ("parent", _I),  # held until that order fills
        ("active_ns", _I),
        ("cancel_ns", _I),  # when a cancel request arrives, 0 = none
        ("day", _I),  # trading day it first could trade, 0 = not yet
        ("fee_charged", _I),  # sum of its fills' commissions, micros
        ("fee_paid", _I),  # what it has paid, at least the minimum, micros
        ("good_for", _F),  # its quantity when the stage began
    ]
)
