"""What travels: events into the core, bars under a cursor, proposals of a strategy, commands out of the core."""

from __future__ import annotations

import numpy as np

__all__ = ["CLOCK", "COMMAND", "EVENT", "PENDING", "PROPOSAL", "STREAM"]

_I = np.int64
_F = np.float64

EVENT = np.dtype(
    [
        ("kind", _I),  # EventKind
        ("instrument", _I),  # row of the instrument table, -1 when the event concerns none
        ("ts_ns", _I),  # BAR: start of the bar; else when it happened
        ("now_ns", _I),  # when it may be known: BAR: end of the bar
        ("interval_ns", _I),  # BAR: nominal bar size
        ("open", _F),  # BAR; INTENT: price to be touched or crossed
        ("high", _F),  # BAR; INTENT, ADJUST, Operator.PROTECT: target
        ("low", _F),  # BAR; INTENT, ADJUST, Operator.PROTECT: protective stop
        # BAR; TRADE, FILL, ADJUST: price; SPLIT: new per old; DIVIDEND: cash per unit; VERDICT, INTENT: 0-100, sure
        ("close", _F),
        # BAR; TRADE: size; FILL, INTENT: quantity; ADJUST: signed units; VERDICT: ratio of the size;
        # Operator.PROTECT: signed units the word is meant for
        ("volume", _F),
        ("bid", _F),  # QUOTE; INTENT: limit price; Operator.PROTECT: trail, price points
        ("ask", _F),  # QUOTE; INTENT: stop price (trigger); Operator.PROTECT: trail, percent
        ("order", _I),  # reports: core's order number; INTENT, ADJUST: strategy row; VERDICT: proposal number
        ("code", _I),  # FILL: FillPhase; REJECT: Refusal; INTENT: Side; else Operator, Verdict, Link, Timer;
        # ADJUST: number of the ended order that filled late, 0 = none
        ("money", _I),  # FILL, ADJUST: fee, micros; ACCOUNT_SNAPSHOT: buying power, micros, negative = not told;
        # INTENT: TimeInForce + 1, 0 = the settings' own
        ("extra", _I),  # FILL: slippage, micros; INTENT: Intent
        ("row", _I),  # reports: where the order stood in the core's table, a hint; -1 unknown
    ]
)

CLOCK = np.dtype(
    [
        ("now_ns", _I),  # end of the bar, UTC
        ("day", _I),  # trading day, days since 1970-01-01
        ("minute", _I),  # minute after local midnight at which the bar began, exchange zone
        ("session", _I),  # Session in which the bar began
        ("open_ns", _I),  # regular open of the session in progress or ahead, UTC; 0 without a schedule
        ("close_ns", _I),  # its close
    ]
)

STREAM = np.dtype(
    [
        ("instrument", _I),
        ("interval_ns", _I),
        ("duration_ns", _I),  # start to known
        ("length", _I),
        ("at", _I),  # cursor
        ("slot", _I),  # the one slot that trades it and may run ahead, -1 = none
        ("ahead", _I),  # rows before this one have been stepped already
        ("found", _I),  # 1: the last of them brought a proposal
        ("next_ns", _I),  # when row `at` becomes known
        ("matches", _I),  # 1: orders of the instrument are matched on these bars
        ("kind", _I),  # EventKind of the rows: BAR columns, else an EVENT table
        ("ts", _I),  # address of the column (EVENT tables: of the rows)
        ("open", _I),
        ("high", _I),
        ("low", _I),
        ("close", _I),
        ("volume", _I),
    ]
)

PROPOSAL = np.dtype(
    [
        ("slot", _I),
        ("side", _I),
        ("intent", _I),
        ("type", _I),  # -1: the strategy's default
        ("tif", _I),  # -1: the strategy's default
        ("reason", _I),
        ("quantity", _F),  # 0: sizing decides
        ("limit_price", _F),
        ("stop_price", _F),  # trigger of a stop order
        ("stop_loss", _F),  # protective stop, price; 0 = settings decide
        ("take_profit", _F),
        ("trail_amount", _F),
        ("trail_pct", _F),
        ("group", _I),
        ("parent", _I),  # index + 1 of an earlier proposal of the same step, 0 = none
        ("add", _I),  # 1: may add to an open position
        ("order_id", _I),  # order it became, 0 = refused
        ("confidence", _F),  # how sure the signal is, 0-100; 0 = not stated
        ("price", _F),  # what it is expected to cost per unit: limit, trigger or last price
        # what a step may read
        ("held", _F),  # signed units of this strategy in this instrument
        ("average", _F),  # average entry price, 0 when flat
        ("pending", _I),  # 1: an entry or exit is working
        ("traded", _I),  # 1: a position is held here, or has been
        ("bars_held", _I),
        ("equity", _F),  # account equity, money
    ]
)

PENDING = np.dtype(
    [
        ("id", _I),  # proposal number, 0 = nothing pends
        ("asked_ns", _I),  # clock of the turn in which it was proposed
        ("ts_ns", _I),  # start of the bar it was proposed on
        ("interval_ns", _I),  # size of that bar
        ("ticket", PROPOSAL),
    ]
)

COMMAND = np.dtype(
    [
        ("kind", _I),  # CommandKind
        ("order", _I),  # order number; PROPOSE: proposal number; NOTIFY: 0
        ("row", _I),  # row of the order table; PROPOSE, NOTIFY: of the slot table
        ("instrument", _I),
        ("side", _I),
        ("type", _I),
        ("tif", _I),
        ("intent", _I),
        ("quantity", _F),
        ("limit_price", _F),
        ("stop_price", _F),
        ("trail_amount", _F),
        ("trail_pct", _F),
        ("group", _I),
        ("parent", _I),
        ("at_ns", _I),  # turn's clock
        ("reason", _I),
        ("stop_loss", _F),  # protection an entry brings, price; 0 = the settings decide
        ("take_profit", _F),
        ("price", _F),  # PROPOSE, NOTIFY: what a unit is expected to cost
        ("confidence", _F),  # of the signal, 0-100; 0 = not stated
    ]
)
