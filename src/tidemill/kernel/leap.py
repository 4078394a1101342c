"""Leaping: quiet bars of a run's only stream pass many at a time, flat or held, exactly as one by one."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    account_of,
    head,
    instrument_at,
    slot_at,
    tape_head,
)
from tidemill.kernel.ahead import step_stream
from tidemill.kernel.compile import kernel
from tidemill.kernel.days import roll_day
from tidemill.kernel.ledger import mark_slot
from tidemill.kernel.memory import float_at, int_at, store_int
from tidemill.kernel.money import micros
from tidemill.kernel.quiet import pass_quiet_bar
from tidemill.kernel.tape import day_row, mark_equity
from tidemill.model.tape import EQUITY_ROW

__all__ = ["leap"]

_EQUITY_BYTES = EQUITY_ROW.itemsize


@kernel
def _leap_flat(state: int, tape: int, stream: Any, stop: int) -> None:
    """Pass quiet bars of a flat account: its equity stands still, so only times are written."""
    top = head(state)
    tape_top = tape_head(tape)
    account = account_of(state, 0)
    equity = account.cash + account.market
    duration = stream.duration_ns
    ts = stream.ts
    at = stream.at
    first = at
    while at < stop:
        begin = int_at(ts, at)
        if begin >= top.next_roll_ns:
            roll_day(state, tape, begin)
        row = tape_top.equity_count
        limit = top.next_roll_ns
        start = at
        out_at = tape_top.equity + row * _EQUITY_BYTES
        while at < stop:
            begin = int_at(ts, at)
            if begin >= limit:
                break
            store_int(out_at, 0, begin + duration)
            store_int(out_at, 1, equity)
            out_at += _EQUITY_BYTES
            at += 1
        count = at - start
        tape_top.equity_count = row + count
        day = day_row(tape)
        day.marks += count
        day.ts_ns = int_at(ts, at - 1) + duration
    passed = at - first
    top.seq += passed
    slot_at(state, stream.slot).bars_seen += passed
    known = int_at(ts, at - 1) + duration
    top.now_ns = max(top.now_ns, known)
    ins = instrument_at(state, stream.instrument)
    ins.last = float_at(stream.close, at - 1)
    ins.last_ns = known
    stream.at = at - 1
    step_stream(stream)


@kernel
def _leap_held(state: int, tape: int, stream: Any, stop: int) -> None:
    """Pass quiet bars of an account whose only position is this stream's, in its own currency: sums stay in registers.

    The same arithmetic in the same order as ``mark_bar`` and ``mark_equity``, for as long as one trading day lasts.
    """
    top = head(state)
    tape_top = tape_head(tape)
    account = account_of(state, 0)
    slot = slot_at(state, stream.slot)
    ins = instrument_at(state, stream.instrument)
    multiplier = ins.multiplier
    quantity = slot.quantity
    size = abs(quantity)
    is_long = quantity > 0.0
    base = account.cash + account.market - slot.market
    offset = slot.cost if ins.margined == 1 else 0
    gross = 0
    value = 0
    close = 0.0
    high = slot.high
    low = slot.low
    day = day_row(tape)
    day_high, day_low, day_worst = day.equity_high, day.equity_low, day.equity_worst
    gross_sum, gross_max, net_sum = day.gross_sum, day.gross_max, day.net_sum
    equity = 0
    out = tape_top.equity + tape_top.equity_count * _EQUITY_BYTES
    begin_at = stream.at
    starts, highs, lows, closes = stream.ts, stream.high, stream.low, stream.close
    duration = stream.duration_ns
    for at in range(begin_at, stop):
        close = float_at(closes, at)
        bar_high = float_at(highs, at)
        bar_low = float_at(lows, at)
        value = micros(quantity * close * multiplier)
        if bar_high > high:
            high = bar_high
        if bar_low < low:
            low = bar_low
        worst = close - bar_low if is_long else bar_high - close
        gap = micros(size * worst * multiplier)
        equity = base + value - offset
        store_int(out, 0, int_at(starts, at) + duration)
        store_int(out, 1, equity)
        out += _EQUITY_BYTES
        if equity > day_high:
            day_high = equity
        if equity < day_low:
            day_low = equity
        if equity - gap < day_worst:
            day_worst = equity - gap
        gross = abs(value)
        if equity > 0:
            share = 1.0 / equity
            ratio = gross * share
            gross_sum += ratio
            if ratio > gross_max:
                gross_max = ratio
            net_sum += value * share
    passed = stop - begin_at
    known = int_at(stream.ts, stop - 1) + stream.duration_ns
    day.equity_high, day.equity_low, day.equity_worst = day_high, day_low, day_worst
    day.gross_sum, day.gross_max, day.net_sum = gross_sum, gross_max, net_sum
    day.marks += passed
    day.marks_open += passed
    day.ts_ns = known
    day.equity = equity
    day.cash = account.cash
    day.gross = gross
    day.net = value
    slot.high = high
    slot.low = low
    slot.bars_seen += passed
    tape_top.equity_count += passed
    tape_top.last_equity = equity
    top.seq += passed
    top.now_ns = max(top.now_ns, known)
    ins.last_ns = known
    ins.last = close
    mark_slot(state, stream.slot, close)
    account.worst_gap = 0
    stream.at = stop - 1
    step_stream(stream)


@kernel
def _same_day(state: int, stream: Any, stop: int) -> int:
    """Return the first row in [cursor, stop) that begins a new trading day, or ``stop``."""
    limit = head(state).next_roll_ns
    if int_at(stream.ts, stop - 1) < limit:
        return stop
    first, last = stream.at, stop - 1
    while first < last:
        middle = (first + last) // 2
        if int_at(stream.ts, middle) < limit:
            first = middle + 1
        else:
            last = middle
    return first


@kernel
def leap(state: int, tape: int, stream: Any, most: int) -> int:
    """Pass up to ``most`` quiet bars of the only stream, marking the account after each; return how many."""
    stop = stream.ahead - stream.found
    if stop > stream.at + most:
        stop = stream.at + most
    passed = max(stop - stream.at, 0)
    account = account_of(state, 0)
    settled = account.cash + account.market == tape_head(tape).last_equity
    if head(state).open_slots == 0 and settled and tape_head(tape).day_count > 0:
        if passed > 0:
            _leap_flat(state, tape, stream, stop)
        return passed
    alone = head(state).open_slots == 1 and slot_at(state, stream.slot).quantity != 0.0
    plain = instrument_at(state, stream.instrument).rate_instrument < 0 and account.worst_gap == 0
    while alone and plain and stream.at < stop and tape_head(tape).day_count > 0:
        end = _same_day(state, stream, stop)
        if end > stream.at:
            _leap_held(state, tape, stream, end)
        if stream.at < stop:
            roll_day(state, tape, int_at(stream.ts, stream.at))
    while stream.at < stop:
        known = stream.next_ns
        pass_quiet_bar(state, tape, stream)
        mark_equity(state, tape, known)
        step_stream(stream)
    return passed
