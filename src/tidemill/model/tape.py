"""Rows that a run leaves behind: equity, days, fills, round trips, ended orders, refusals; each field with its unit.

These record types are the interface between the compiled core, the statistics, the reports and the files: add fields
at the end, never renumber.
"""

from __future__ import annotations

import numpy as np

__all__ = ["DAY_ROW", "EQUITY_ROW", "FILL_ROW", "ORDER_ROW", "REFUSAL_ROW", "TRIP_ROW"]

EQUITY_ROW = np.dtype(
    [
        ("ts_ns", np.int64),  # end of the bar(s), UTC
        ("equity", np.int64),  # cash + positions at the close, micros of the account currency
    ]
)

DAY_ROW = np.dtype(
    [
        ("day", np.int64),  # trading day of the account's calendar, days since 1970-01-01
        ("ts_ns", np.int64),  # last mark of the day, UTC
        ("equity", np.int64),  # at the last mark, micros
        ("equity_high", np.int64),  # highest mark of the day, micros
        ("equity_low", np.int64),  # lowest mark of the day, micros
        ("equity_worst", np.int64),  # lowest equity if every open position had stood at its bar's worst price, micros
        ("cash", np.int64),  # at the last mark, micros
        ("gross", np.int64),  # sum of absolute position values at the last mark, micros
        ("net", np.int64),  # sum of signed position values at the last mark, micros
        ("fees", np.int64),  # commissions of the day, micros
        ("traded", np.int64),  # notional of the day's fills, micros
        ("opened", np.int64),  # positions opened this day
        ("flows", np.int64),  # dividends and other cash that no fill explains, micros
        ("marks", np.int64),  # equity marks of the day
        ("marks_open", np.int64),  # marks with at least one open position
        ("gross_sum", np.float64),  # sum over marks of gross/equity
        ("gross_max", np.float64),  # max over marks of gross/equity
        ("net_sum", np.float64),  # sum over marks of net/equity
    ]
)

FILL_ROW = np.dtype(
    [
        ("ts_ns", np.int64),  # UTC
        ("instrument", np.int64),  # row of the instrument table
        ("strategy", np.int64),  # row of the strategy table
        ("order_id", np.int64),  # core's order number, rising from 1
        ("side", np.int64),  # Side
        ("intent", np.int64),  # Intent
        ("reason", np.int64),  # Reason
        ("quantity", np.float64),  # units, positive
        ("price", np.float64),  # quote currency
        ("fee", np.int64),  # micros
        ("slippage", np.int64),  # money lost against the touched price, micros
        ("realised", np.int64),  # profit booked by this fill before its fee, micros; 0 on opening fills
        ("position_after", np.float64),  # signed units
        ("cash_after", np.int64),  # account cash, micros
    ]
)

TRIP_ROW = np.dtype(
    [
        ("strategy", np.int64),
        ("instrument", np.int64),
        ("side", np.int64),  # Side of the entry: BUY = long
        ("quantity", np.float64),  # largest size held, units
        ("entry_ts_ns", np.int64),
        ("entry_price", np.float64),  # average of all entry fills
        ("exit_ts_ns", np.int64),
        ("exit_price", np.float64),  # average of all exit fills
        ("pnl", np.int64),  # net of fees, micros
        ("fees", np.int64),  # micros
        ("mae", np.float64),  # worst price excursion against the entry, price points, >= 0
        ("mfe", np.float64),  # best price excursion in favour, price points, >= 0
        ("bars", np.int64),  # bars held
        ("risk", np.int64),  # money between entry and initial stop, micros; 0 without a stop
        ("entry_reason", np.int64),  # Reason
        ("exit_reason", np.int64),  # Reason; END_OF_DATA marks a position still open at the last close
        ("entry_order", np.int64),
        ("exit_order", np.int64),
    ]
)

ORDER_ROW = np.dtype(
    [
        ("order_id", np.int64),
        ("strategy", np.int64),
        ("instrument", np.int64),
        ("side", np.int64),
        ("type", np.int64),  # OrderType
        ("tif", np.int64),  # TimeInForce
        ("intent", np.int64),
        ("reason", np.int64),
        ("state", np.int64),  # final OrderState
        ("created_ns", np.int64),
        ("ended_ns", np.int64),
        ("quantity", np.float64),
        ("filled", np.float64),
        ("average_price", np.float64),
        ("limit_price", np.float64),  # NaN when not a limit
        ("stop_price", np.float64),  # trigger; NaN when not a stop
    ]
)

REFUSAL_ROW = np.dtype(
    [
        ("ts_ns", np.int64),
        ("strategy", np.int64),
        ("instrument", np.int64),
        ("side", np.int64),
        ("refusal", np.int64),  # Refusal
        ("quantity", np.float64),  # as sized
        ("price", np.float64),  # last price seen
    ]
)
