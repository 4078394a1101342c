"""The state of a run: strategies with their settings, their positions and their orders."""

from __future__ import annotations

import numpy as np

__all__ = ["ORDER", "SLOT", "STRATEGY"]

_I = np.int64
_F = np.float64

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
        ("window", _I),  # first row of its windows
        ("window_rows", _I),  # 0: all hours
        ("window_days", _I),  # bit 0 = Monday
        ("extended_hours", _I),  # 1: entries outside the regular session
        ("rebalance", _I),  # Rebalance
        ("max_bars_held", _I),  # 0 = none
        ("flat_before_close_ns", _I),  # 0 = hold over the close
        ("estimated_fee_ratio", _F),  # of notional, for affordability
        ("estimated_fee_unit", _F),  # money per unit, for affordability
        ("warmup_bars", _I),  # bars before the first proposal may pass
        ("check_ns", _I),  # between two looks; 0: proposals count on every bar
        ("holds", _I),  # 1: accepted proposals are not placed: signals only, or a gate is asked
        ("signals_only", _I),
        ("gate_ttl_ns", _I),  # how long a gate's answer is good for
        ("min_confidence", _F),  # of a signal, 0-100; 0 = none asked for
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
        ("by_hand", _I),  # terms a person has set: 1 stop, 2 target, 4 trail
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
        # protection that was lost, and closing against odds
        ("stop_rejects", _I),  # stops the broker would not take, since the last fill
        ("stop_cancels", _I),  # stops cancelled from outside, since the last fill
        ("target_losses", _I),  # targets rejected or cancelled from outside
        ("lost_ns", _I),  # when one was lost last
        ("closing", _I),  # Reason: to be closed whatever fills, 0 = no
        ("closes", _I),  # exits sent to that end
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
        ("confidence", _F),  # of the signal it comes from, 0-100; 0 = not stated
    ]
)
