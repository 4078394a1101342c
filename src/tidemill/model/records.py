"""The state of a run, as records: the most read file of the house. One field per line, with its unit.

All fields are eight bytes, so a record has the same layout for numpy, the compiler and C. A STATE block is the HEADER
followed by the tables it names; a VENUE block (the simulated exchange) is laid out the same way. Prices and quantities
are float64 on the instrument's grid, money is int64 micros, time is int64 UTC nanoseconds.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "ACCOUNT",
    "CALENDAR",
    "CLOCK",
    "COMMAND",
    "EVENT",
    "HEADER",
    "INSTRUMENT",
    "ORDER",
    "PROPOSAL",
    "SESSION",
    "SLOT",
    "STRATEGY",
    "STREAM",
    "TAPE",
    "TRANSITION",
    "VENUE",
    "VENUE_BOOK",
    "VENUE_ORDER",
]

_I = np.int64
_F = np.float64

EVENT = np.dtype(
    [
        ("kind", _I),  # EventKind
        ("instrument", _I),  # row of the instrument table, -1 when the event concerns none
        ("ts_ns", _I),  # BAR: start of the bar; else when it happened
        ("now_ns", _I),  # when it may be known: BAR: end of the bar
        ("interval_ns", _I),  # BAR: nominal bar size
        ("open", _F),  # BAR
        ("high", _F),  # BAR
        ("low", _F),  # BAR
        ("close", _F),  # BAR; TRADE: price; FILL: price; SPLIT: new per old; DIVIDEND: cash per unit
        ("volume", _F),  # BAR; TRADE: size; FILL: quantity; INTENT: quantity
        ("bid", _F),  # QUOTE; INTENT: limit price
        ("ask", _F),  # QUOTE; INTENT: stop price (trigger)
        ("order", _I),  # reports: core's order number; INTENT: strategy row
        ("code", _I),  # FILL: FillPhase; REJECT: Refusal; OPERATOR: Operator; INTENT: Side
        ("money", _I),  # FILL: fee, micros
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

HEADER = np.dtype(
    [
        ("version", _I),  # layout version of this block
        ("bytes", _I),  # size of the whole block
        ("mutable_bytes", _I),  # what a snapshot must copy; the rest is reference data
        ("seq", _I),  # turns taken
        ("now_ns", _I),  # of the current turn; never goes back
        ("halted", _I),  # 1 refuses entries until an operator resumes
        ("day", _I),  # trading day of the account's calendar, days since 1970
        ("next_roll_ns", _I),  # when the account's next trading day begins, UTC
        ("open_slots", _I),  # slots with a position
        ("instruments", _I),  # offset of the table from the block's start
        ("n_instruments", _I),
        ("calendars", _I),
        ("n_calendars", _I),
        ("transitions", _I),  # zone offsets of all calendars and windows
        ("n_transitions", _I),
        ("sessions", _I),
        ("n_sessions", _I),
        ("accounts", _I),
        ("n_accounts", _I),
        ("strategies", _I),
        ("n_strategies", _I),
        ("slots", _I),
        ("n_slots", _I),
        ("orders", _I),
        ("n_orders", _I),  # capacity
        ("free_order", _I),  # head of the chain of free rows, -1 when full
        ("next_order_id", _I),
        ("live_orders", _I),  # rows in use
        ("commands", _I),
        ("n_commands", _I),  # capacity
        ("command_count", _I),  # commands of this turn
        ("proposals", _I),
        ("n_proposals", _I),  # capacity
        ("late_fills", _I),  # fills booked on orders that had already ended
        ("quarantined", _I),  # reports that match no order or no legal move
        ("clock_ns", _I),  # instant for which the clock was computed
        ("event", EVENT),
        ("clock", CLOCK),
    ]
)

INSTRUMENT = np.dtype(
    [
        ("tick", _F),  # price step, 0 = none
        ("lot", _F),  # quantity step
        ("multiplier", _F),  # money per point and unit
        ("margin", _F),  # money per unit while open
        ("margined", _I),  # 1: futures, FX
        ("calendar", _I),  # row
        ("rate_instrument", _I),  # row whose last price converts its currency to the account's, -1 = same currency
        ("rate_inverse", _I),  # 1: divide by that price
        ("first_slot", _I),  # slots of one instrument are neighbours
        ("slot_count", _I),
        ("last", _F),  # last price, NaN before the first
        ("bid", _F),
        ("ask", _F),
        ("high", _F),  # of the last bar
        ("low", _F),
        ("last_ns", _I),  # when the last price became known
        ("interval_ns", _I),  # finest interval: its bars mark positions; 0 = any
    ]
)

CALENDAR = np.dtype(
    [
        ("zone", _I),  # first row of its transitions
        ("zone_rows", _I),
        ("zone_at", _I),  # current row, relative
        ("roll_ns", _I),  # new day this long after local midnight (negative: evening before)
        ("began_ns", _I),  # start of the current trading day, UTC
        ("next_roll_ns", _I),  # start of the next, UTC
        ("day", _I),  # current trading day
        ("session", _I),  # first row of its sessions
        ("session_rows", _I),  # 0: always open
        ("session_at", _I),  # first session whose end lies ahead, relative
    ]
)

TRANSITION = np.dtype(
    [
        ("ts_ns", _I),  # from this instant on
        ("offset_ns", _I),  # local = UTC + offset
    ]
)

SESSION = np.dtype(
    [
        ("day", _I),
        ("pre_ns", _I),  # start of pre-market, UTC
        ("open_ns", _I),
        ("close_ns", _I),
        ("post_ns", _I),  # end of after-hours
    ]
)

ACCOUNT = np.dtype(
    [
        ("cash", _I),  # micros
        ("market", _I),  # value of open positions (margined: unrealised result), micros
        ("gross", _I),  # sum of absolute notional values, micros
        ("net", _I),  # sum of signed notional values, micros
        ("blocked", _I),  # buying power in use: value of what is paid in full, margin of the rest, micros
        ("reserved", _I),  # worst-case cost of working entry orders, micros
        ("fees", _I),  # paid so far, micros
        ("realised", _I),  # before fees, micros
        ("flows", _I),  # dividends and other cash, micros
        ("traded", _I),  # notional traded, micros
        ("day_start_equity", _I),  # micros
        ("worst_gap", _I),  # loss if open positions had closed their bar at its worst price, micros
        ("leverage", _F),  # gross value allowed per unit of equity, ratio
    ]
)

STRATEGY = np.dtype(
    [
        ("account", _I),  # row
        ("memory_bytes", _I),  # per slot
        ("interval_ns", _I),  # bars the step is called for; 0 = all
        ("tickets", _I),  # proposals its step may make per bar, 1 to 3
        ("uses_clock", _I),  # 1: the step reads the clock
        ("uses_book", _I),  # 1: the step reads average, bars_held or equity of its ticket
        ("watches", _I),  # 1: time, session, rebalance or loss settings act on open positions bar by bar
        # ledger of this strategy: the sum over strategies equals the account
        ("cash", _I),  # micros, relative to its start
        ("market", _I),  # micros
        ("fees", _I),  # micros
        ("realised", _I),  # micros
        ("day", _I),  # trading day of the counters below
        ("day_start_result", _I),  # cash + market at the start of the day, micros
        ("opened_today", _I),  # positions opened
        ("open_positions", _I),  # slots with a position
        ("pending_entries", _I),  # flat slots with a working entry
        ("refused", _I),  # proposals refused
        ("trips", _I),  # closed round trips
        ("wins", _I),
        ("won", _I),  # micros
        ("lost", _I),  # micros, positive
        # settings
        ("sizing", _I),  # Sizing
        ("size_value", _F),  # shares, money, percent or Kelly fraction
        ("allow_short", _I),
        ("pyramiding", _I),  # entries allowed per position
        ("entry_type", _I),  # OrderType used when a proposal names none
        ("entry_tif", _I),  # TimeInForce
        ("limit_offset_pct", _F),  # -0.5: buy half a percent below the last price
        ("stop_loss_pct", _F),  # 0 = none
        ("take_profit_pct", _F),
        ("trailing_pct", _F),
        ("trailing_amount", _F),  # price points
        ("max_position_pct", _F),  # 0 = none
        ("max_open_positions", _I),
        ("max_trades_per_day", _I),
        ("daily_loss_pct", _F),
        ("daily_loss_amount", _I),  # micros
        ("daily_loss_flatten", _I),  # 1: also close what is open
        ("window_zone", _I),  # first transition row
        ("window_zone_rows", _I),
        ("window_zone_at", _I),
        ("window_start_min", _I),  # minutes after local midnight; start = end: always
        ("window_end_min", _I),
        ("window_days", _I),  # bit 0 = Monday
        ("extended_hours", _I),  # 1: entries outside the regular session
        ("rebalance", _I),  # Rebalance
        ("max_bars_held", _I),  # 0 = none
        ("flat_before_close_ns", _I),  # 0 = hold over the close
        ("estimated_fee_ratio", _F),  # of notional, for affordability
        ("estimated_fee_unit", _F),  # money per unit, for affordability
        ("warmup_bars", _I),  # bars before the first proposal may pass
    ]
)

SLOT = np.dtype(
    [
        ("strategy", _I),
        ("instrument", _I),
        ("memory", _I),  # offset of its bytes from the block's start
        ("tickets", _I),  # first row of its proposals
        ("stepped", _I),  # 1: the step has seen the bar in hand already
        ("quantity", _F),  # signed units
        ("cost", _I),  # signed money paid for the open quantity, micros
        ("market", _I),  # contribution to equity, micros
        ("notional", _I),  # signed value at the last price, micros
        ("blocked", _I),  # buying power in use, micros
        ("realised", _I),  # micros
        ("bars_seen", _I),
        ("entry_order", _I),  # row of the working entry, -1
        ("exit_order", _I),  # row of the working exit, -1
        ("stop_order", _I),  # row of the protective stop, -1
        ("target_order", _I),  # row of the protective target, -1
        # terms of the protection, price points; 0 = none
        ("stop_price", _F),
        ("target_price", _F),
        ("trail_amount", _F),
        ("trail_pct", _F),
        # the round trip in progress
        ("entry_side", _I),  # Side of the first fill
        ("entries", _I),  # entry orders filled
        ("entry_ns", _I),
        ("entry_bar", _I),  # bars_seen at entry
        ("bought", _F),  # units
        ("bought_value", _F),  # units * price
        ("sold", _F),
        ("sold_value", _F),
        ("peak_quantity", _F),
        ("high", _F),  # highest price while open
        ("low", _F),
        ("trip_realised", _I),  # micros
        ("trip_fees", _I),  # micros
        ("trip_risk", _I),  # money between entry and first stop, micros
        ("entry_reason", _I),
        ("entry_order_id", _I),
        ("exit_reason", _I),
        ("exit_order_id", _I),
        ("rebalance_day", _I),
    ]
)

ORDER = np.dtype(
    [
        ("id", _I),  # core's order number, 0 = free row
        ("next", _I),  # chain of free rows
        ("slot", _I),
        ("state", _I),  # OrderState
        ("side", _I),
        ("type", _I),
        ("tif", _I),
        ("intent", _I),
        ("reason", _I),
        ("created_ns", _I),
        ("quantity", _F),
        ("filled", _F),
        ("filled_value", _F),  # units * price
        ("limit_price", _F),
        ("stop_price", _F),
        ("trail_amount", _F),
        ("trail_pct", _F),
        ("stop_loss", _F),  # protection the entry brings, price; 0 = none, NaN never
        ("take_profit", _F),
        ("group", _I),  # one-cancels-other group, 0 = none
        ("parent", _I),  # order number whose fill releases it, 0 = none
        ("reserved", _I),  # micros of buying power held
        ("counts", _I),  # 1: opening it counted as pending entry
        ("position_before", _F),  # quantity already held when it was proposed
        ("new_quantity", _F),  # asked for by a pending replace
        ("new_stop", _F),
    ]
)

COMMAND = np.dtype(
    [
        ("kind", _I),  # CommandKind
        ("order", _I),  # order number
        ("row", _I),  # row of the order table
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
        ("price", _F),  # what it is expected to cost per unit: limit, trigger or last price
        # what a step may read
        ("held", _F),  # signed units of this strategy in this instrument
        ("average", _F),  # average entry price, 0 when flat
        ("pending", _I),  # 1: an entry or exit is working
        ("bars_held", _I),
        ("equity", _F),  # account equity, money
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
