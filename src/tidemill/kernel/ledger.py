"""The exact ledger: cash, positions and results move by fills, splits and dividends, and by nothing else.

Invariants: account cash = start + sum of all cash moves; the strategies' ledgers sum to the account's; a replay of
the fills gives the same positions. All sums are whole micros.
"""

from __future__ import annotations

import math
from typing import Any

from tidemill.kernel.access import account_of, head, instrument_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.money import convert, floor_lot, micros, rate_of, snap_quantity
from tidemill.kernel.tape import day_row, write_fill, write_trip

__all__ = ["apply_dividend", "apply_split", "book_fill", "mark_bar", "mark_slot"]


@kernel
def mark_slot(state: int, index: int, price: float) -> None:
    """Value a slot's position at ``price`` and carry the change into strategy and account."""
    slot = slot_at(state, index)
    ins = instrument_at(state, slot.instrument)
    strategy = strategy_at(state, slot.strategy)
    account = account_of(state, strategy.account)
    rate = rate_of(state, slot.instrument)
    raw = micros(slot.quantity * price * ins.multiplier)
    notional = convert(raw, rate)
    market = convert(raw - slot.cost, rate) if ins.margined == 1 else notional
    change = market - slot.market
    slot.market = market
    strategy.market += change
    account.market += change
    account.gross += abs(notional) - abs(slot.notional)
    account.net += notional - slot.notional
    blocked = micros(abs(slot.quantity) * ins.margin) if ins.margined == 1 else abs(notional)
    account.blocked += blocked - slot.blocked
    slot.blocked = blocked
    slot.notional = notional


@kernel
def mark_bar(state: int, index: int, slot: Any, settings: Any, high: float, low: float, close: float) -> None:
    """Mark an open position on its bar: value at the close, extremes, and what the worst price would have cost."""
    mark_slot(state, index, close)
    if high > slot.high:
        slot.high = high
    if low < slot.low:
        slot.low = low
    worst = close - low if slot.quantity > 0.0 else high - close
    multiplier = instrument_at(state, slot.instrument).multiplier
    account_of(state, settings.account).worst_gap += micros(abs(slot.quantity) * worst * multiplier)


@kernel
def _split_cost(slot: Any, side: int, quantity: float, notional: int, price: float, multiplier: float) -> int:
    """Move a slot's cost by a fill and return the result it realises, both in micros of the quote currency."""
    held = slot.quantity
    if held * side >= 0.0:
        slot.cost += side * notional
        return 0
    size = abs(held)
    if quantity < size:
        released = int(math.floor(slot.cost * (quantity / size) + 0.5))
        closed = notional
    else:
        released = slot.cost
        closed = notional if quantity == size else micros(size * price * multiplier)
    slot.cost -= released
    slot.cost += side * (notional - closed)  # what flips to the other side, 0 otherwise
    return -side * closed - released


@kernel
def _begin_trip(state: int, slot: Any, order: Any, price: float) -> None:
    """Start the book of a round trip with its first fill."""
    slot.entry_side = order.side
    slot.entry_ns = head(state).event.ts_ns
    slot.entry_bar = slot.bars_seen
    slot.entries = 0
    slot.bought = 0.0
    slot.bought_value = 0.0
    slot.sold = 0.0
    slot.sold_value = 0.0
    slot.peak_quantity = 0.0
    slot.high = price
    slot.low = price
    slot.trip_realised = 0
    slot.trip_fees = 0
    slot.trip_risk = 0
    slot.entry_reason = order.reason
    slot.entry_order_id = order.id
    slot.stop_price = 0.0
    slot.target_price = 0.0
    slot.trail_amount = 0.0
    slot.trail_pct = 0.0
    slot.by_hand = 0


@kernel
def _count_units(slot: Any, side: int, quantity: float, price: float) -> None:
    """Add the units of a fill to the round trip in progress."""
    if side > 0:
        slot.bought += quantity
        slot.bought_value += quantity * price
    else:
        slot.sold += quantity
        slot.sold_value += quantity * price


@kernel
def _close_trip(state: int, tape: int, slot: Any, strategy: Any, order: Any) -> None:
    """Count and write a round trip that has gone flat."""
    slot.exit_reason = order.reason
    slot.exit_order_id = order.id
    write_trip(state, tape, slot)
    result = slot.trip_realised - slot.trip_fees
    strategy.trips += 1
    if result > 0:
        strategy.wins += 1
        strategy.won += result
    else:
        strategy.lost -= result


@kernel
def book_fill(state: int, tape: int, index: int, order: Any, quantity: float, price: float) -> None:
    """Book one fill of an order into its slot, strategy and account, and write it to the tape."""
    slot = slot_at(state, index)
    ins = instrument_at(state, slot.instrument)
    strategy = strategy_at(state, slot.strategy)
    account = account_of(state, strategy.account)
    top = head(state)
    rate = rate_of(state, slot.instrument)
    fee = top.event.money
    side = order.side
    held = slot.quantity
    if held == 0.0:
        _begin_trip(state, slot, order, price)
    notional = micros(quantity * price * ins.multiplier)
    realised = convert(_split_cost(slot, side, quantity, notional, price, ins.multiplier), rate)
    after = snap_quantity(held + side * quantity, ins.lot)
    slot.quantity = after
    flips = held * after < 0.0
    _count_units(slot, side, abs(held) if flips else quantity, price)
    slot.peak_quantity = max(slot.peak_quantity, abs(held) if flips else abs(after))
    paid = convert(notional, rate)
    moved = realised if ins.margined == 1 else -side * paid
    account.cash += moved - fee
    strategy.cash += moved - fee
    account.fees += fee
    strategy.fees += fee
    account.realised += realised
    strategy.realised += realised
    account.traded += paid
    slot.realised += realised
    slot.trip_realised += realised
    slot.trip_fees += fee
    day = day_row(tape)
    day.fees += fee
    day.traded += paid
    if held == 0.0:
        strategy.opened_today += 1
        strategy.open_positions += 1
        top.open_slots += 1
        day.opened += 1
    write_fill(state, tape, slot.strategy, order, price, quantity, realised, after)
    mark_slot(state, index, price)
    if after == 0.0:
        strategy.open_positions -= 1
        top.open_slots -= 1
        _close_trip(state, tape, slot, strategy, order)
    elif flips:
        _close_trip(state, tape, slot, strategy, order)
        _begin_trip(state, slot, order, price)
        _count_units(slot, side, abs(after), price)
        slot.peak_quantity = abs(after)
        strategy.opened_today += 1
        day.opened += 1


@kernel
def apply_dividend(state: int, tape: int, instrument: int, cash_per_unit: float) -> None:
    """Pay a cash dividend on every long position, and charge it to every short one, on the ex-date."""
    ins = instrument_at(state, instrument)
    rate = rate_of(state, instrument)
    for index in range(ins.first_slot, ins.first_slot + ins.slot_count):
        slot = slot_at(state, index)
        if slot.quantity != 0.0:
            amount = convert(micros(slot.quantity * cash_per_unit), rate)
            strategy = strategy_at(state, slot.strategy)
            account = account_of(state, strategy.account)
            strategy.cash += amount
            account.cash += amount
            account.flows += amount
            day_row(tape).flows += amount


@kernel
def apply_split(state: int, tape: int, instrument: int, ratio: float) -> None:
    """Turn every old unit into ``ratio`` new ones; what is smaller than a lot is paid in cash at the new price."""
    ins = instrument_at(state, instrument)
    ins.last /= ratio
    ins.bid /= ratio
    ins.ask /= ratio
    rate = rate_of(state, instrument)
    for index in range(ins.first_slot, ins.first_slot + ins.slot_count):
        slot = slot_at(state, index)
        if slot.quantity != 0.0:
            exact = abs(slot.quantity) * ratio
            whole = floor_lot(exact, ins.lot)
            sign = 1.0 if slot.quantity > 0.0 else -1.0
            in_lieu = convert(micros(sign * (exact - whole) * ins.last * ins.multiplier), rate)
            strategy = strategy_at(state, slot.strategy)
            account = account_of(state, strategy.account)
            strategy.cash += in_lieu
            account.cash += in_lieu
            account.flows += in_lieu
            day_row(tape).flows += in_lieu
            slot.quantity = sign * whole
            slot.stop_price /= ratio
            slot.target_price /= ratio
            slot.trail_amount /= ratio
            slot.high /= ratio
            slot.low /= ratio
            slot.bought *= ratio
            slot.sold *= ratio
            slot.peak_quantity *= ratio
            mark_slot(state, index, ins.last)
