"""Rows written for later readers: fills, round trips, ended orders, refusals, days and the equity curve.

A tape has fixed tables; the loop stops before one could run over and its owner makes room, so nothing is ever lost.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import account_of, head, tape_head
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.memory import row_at
from tidemill.model.tape import DAY_ROW, EQUITY_ROW, FILL_ROW, ORDER_ROW, REFUSAL_ROW, TRIP_ROW

__all__ = [
    "begin_day",
    "day_row",
    "mark_equity",
    "settle_day",
    "write_fill",
    "write_order",
    "write_refusal",
    "write_trip",
]


@inlined
def day_row(tape: int) -> Any:
    """Return the row of the day in progress."""
    top = tape_head(tape)
    return row_at(top.days, top.day_count - 1, top.n_days, DAY_ROW)


@kernel
def begin_day(state: int, tape: int, day: int) -> None:
    """Open the row of a new trading day."""
    top = tape_head(tape)
    row = row_at(top.days, top.day_count, top.n_days, DAY_ROW)
    top.day_count += 1
    top.writes += 1
    account = account_of(state, 0)
    equity = account.cash + account.market
    row.day = day
    row.ts_ns = head(state).now_ns
    row.equity = equity
    row.equity_high = equity
    row.equity_low = equity
    row.equity_worst = equity
    row.cash = account.cash


@kernel
def settle_day(state: int, day: Any, equity: int) -> None:
    """Bring the day's row to the account's figures at a mark."""
    account = account_of(state, 0)
    day.equity = equity
    day.cash = account.cash
    day.gross = account.gross
    day.net = account.net
    if equity > day.equity_high:
        day.equity_high = equity
    if equity < day.equity_low:
        day.equity_low = equity
    worst = equity - account.worst_gap
    if worst < day.equity_worst:
        day.equity_worst = worst
    account.worst_gap = 0


@inlined
def mark_equity(state: int, tape: int, ts_ns: int) -> None:
    """Write the account's equity at the close of all bars that ended at ``ts_ns``, and update the day's row."""
    top = tape_head(tape)
    account = account_of(state, 0)
    equity = account.cash + account.market
    row = row_at(top.equity, top.equity_count, top.n_equity, EQUITY_ROW)
    row.ts_ns = ts_ns
    row.equity = equity
    top.equity_count += 1
    day = day_row(tape)
    day.marks += 1
    day.ts_ns = ts_ns
    if head(state).open_slots == 0 and equity == top.last_equity:
        return
    top.last_equity = equity
    settle_day(state, day, equity)
    if head(state).open_slots > 0:
        day.marks_open += 1
        if equity > 0:
            share = 1.0 / equity
            ratio = account.gross * share
            day.gross_sum += ratio
            if ratio > day.gross_max:
                day.gross_max = ratio
            day.net_sum += account.net * share


@kernel
def write_fill(
    state: int, tape: int, strategy: int, order: Any, price: float, quantity: float, realised: int, after: float
) -> None:
    """Write one fill; time, fee and slippage come from the event of the turn."""
    top = tape_head(tape)
    row = row_at(top.fills, top.fill_count, top.n_fills, FILL_ROW)
    top.fill_count += 1
    top.writes += 1
    event = head(state).event
    row.ts_ns = event.ts_ns
    row.instrument = event.instrument
    row.strategy = strategy
    row.order_id = order.id
    row.side = order.side
    row.intent = order.intent
    row.reason = order.reason
    row.quantity = quantity
    row.price = price
    row.fee = event.money
    row.slippage = event.extra
    row.realised = realised
    row.position_after = after
    row.cash_after = account_of(state, 0).cash


@kernel
def write_trip(state: int, tape: int, slot: Any) -> None:
    """Write the round trip that has just closed in a slot."""
    top = tape_head(tape)
    row = row_at(top.trips, top.trip_count, top.n_trips, TRIP_ROW)
    top.trip_count += 1
    top.writes += 1
    is_long = slot.entry_side > 0
    row.strategy = slot.strategy
    row.instrument = slot.instrument
    row.side = slot.entry_side
    row.quantity = slot.peak_quantity
    row.entry_ts_ns = slot.entry_ns
    row.exit_ts_ns = head(state).event.ts_ns
    bought = slot.bought_value / slot.bought if slot.bought > 0.0 else 0.0
    sold = slot.sold_value / slot.sold if slot.sold > 0.0 else 0.0
    entry = bought if is_long else sold
    row.entry_price = entry
    row.exit_price = sold if is_long else bought
    row.pnl = slot.trip_realised - slot.trip_fees
    row.fees = slot.trip_fees
    row.mae = max(entry - slot.low if is_long else slot.high - entry, 0.0)
    row.mfe = max(slot.high - entry if is_long else entry - slot.low, 0.0)
    row.bars = slot.bars_seen - slot.entry_bar
    row.risk = slot.trip_risk
    row.entry_reason = slot.entry_reason
    row.exit_reason = slot.exit_reason
    row.entry_order = slot.entry_order_id
    row.exit_order = slot.exit_order_id


@kernel
def write_order(state: int, tape: int, strategy: int, instrument: int, order: Any) -> None:
    """Write an order that has ended."""
    top = tape_head(tape)
    row = row_at(top.orders, top.order_count, top.n_orders, ORDER_ROW)
    top.order_count += 1
    top.writes += 1
    row.order_id = order.id
    row.strategy = strategy
    row.instrument = instrument
    row.side = order.side
    row.type = order.type
    row.tif = order.tif
    row.intent = order.intent
    row.reason = order.reason
    row.state = order.state
    row.created_ns = order.created_ns
    row.ended_ns = head(state).now_ns
    row.quantity = order.quantity
    row.filled = order.filled
    row.average_price = order.filled_value / order.filled if order.filled > 0.0 else 0.0
    row.limit_price = order.limit_price
    row.stop_price = order.stop_price


@kernel
def write_refusal(state: int, tape: int, slot: Any, side: int, code: int, quantity: float, price: float) -> None:
    """Write a proposal that the core refused, with the reason."""
    top = tape_head(tape)
    row = row_at(top.refusals, top.refusal_count, top.n_refusals, REFUSAL_ROW)
    top.refusal_count += 1
    top.writes += 1
    row.ts_ns = head(state).now_ns
    row.strategy = slot.strategy
    row.instrument = slot.instrument
    row.side = side
    row.refusal = code
    row.quantity = quantity
    row.price = price
