"""Running ahead: bars on which nothing can happen but a strategy's own step are stepped in one go.

A step sees its bar, its memory and whether it holds or waits; while a slot has no living order, none of that depends
on anything but the bars. So its steps may be taken early, up to the first proposal, and the bars between pass as quiet
ones: marked, counted, written, exactly as one by one. Parity tests hold the two ways byte for byte together.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    account_of,
    head,
    instrument_at,
    proposal_at,
    slot_at,
    strategy_at,
    tape_head,
)
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.days import roll_day
from tidemill.kernel.ledger import mark_bar, mark_slot
from tidemill.kernel.matching import first_touched
from tidemill.kernel.memory import call4, float_at, int_at, prefetch, row_at, store_int
from tidemill.kernel.money import micros
from tidemill.kernel.tape import day_row, mark_equity, settle_day
from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT
from tidemill.model.tape import EQUITY_ROW

__all__ = ["is_quiet", "leap", "load_event", "pass_quiet_bar", "run_ahead", "sleep", "step_stream", "write_still"]

_BAR = int(EventKind.BAR)
_NEVER = 9_223_372_036_854_775_807
_EQUITY_BYTES = EQUITY_ROW.itemsize


@inlined
def step_stream(stream: Any) -> None:
    """Move a stream's cursor to its next row."""
    at = stream.at + 1
    stream.at = at
    if at >= stream.length:
        stream.next_ns = _NEVER
    elif stream.kind == _BAR:
        stream.next_ns = int_at(stream.ts, at) + stream.duration_ns
    else:
        stream.next_ns = row_at(stream.ts, at, stream.length, EVENT).now_ns


@inlined
def load_event(state: int, stream: Any) -> None:
    """Copy the row under a stream's cursor into the state's event.

    Of a bar that the strategy has stepped on already only what is still read: columns that are not in use lie in slow
    memory. What the next bar will be matched on is asked for ahead of time.
    """
    event = head(state).event
    at = stream.at
    if stream.kind != _BAR:
        row = row_at(stream.ts, at, stream.length, EVENT)
        event.kind = row.kind
        event.instrument = row.instrument
        event.ts_ns = row.ts_ns
        event.now_ns = row.now_ns
        event.close = row.close
        event.volume = row.volume
        event.bid = row.bid
        event.ask = row.ask
        event.order = row.order
        event.code = row.code
        event.money = row.money
        event.extra = row.extra
        event.low = row.low
        event.high = row.high
        return
    event.kind = _BAR
    event.instrument = stream.instrument
    event.ts_ns = int_at(stream.ts, at)
    event.now_ns = stream.next_ns
    event.interval_ns = stream.interval_ns
    event.close = float_at(stream.close, at)
    if stream.slot >= 0 and slot_at(state, stream.slot).stepped == 1:
        prefetch(stream.open, at + 1)
        prefetch(stream.high, at + 1)
        prefetch(stream.low, at + 1)
        if slot_at(state, stream.slot).quantity == 0.0:
            return
    else:
        event.open = float_at(stream.open, at)
        event.volume = float_at(stream.volume, at)
    event.high = float_at(stream.high, at)
    event.low = float_at(stream.low, at)


@kernel
def run_ahead(state: int, venue: int, code: int, stream: Any, address: int, until_ns: int, is_matched: bool) -> None:
    """Step a stream's slot from the cursor on, up to its first proposal, if nothing but bars can concern it.

    Args:
        stream: the stream's record, and ``address`` where it lies.
        until_ns: rows known at or after this instant are left alone (an operator or a split may come first).
        is_matched: whether the bar under the cursor has met the exchange already.
    """
    index = stream.slot
    slot = slot_at(state, index)
    settings = strategy_at(state, slot.strategy)
    busy = slot.entry_order >= 0 or slot.exit_order >= 0
    if busy or (slot.quantity != 0.0 and settings.watches == 1):
        return
    limit = stream.length
    if until_ns != _NEVER:
        limit = stream.at
        while limit < stream.length and int_at(stream.ts, limit) + stream.duration_ns < until_ns:
            limit += 1
    if slot.stop_order >= 0 or slot.target_order >= 0:
        limit = first_touched(venue, stream.instrument, stream, stream.at + (1 if is_matched else 0), limit)
    if limit <= stream.at:
        return
    for number in range(slot.tickets, slot.tickets + settings.tickets):
        ticket = proposal_at(state, number)
        ticket.side = 0
        ticket.held = slot.quantity
        ticket.traded = 1 if slot.peak_quantity > 0.0 else 0
        ticket.pending = 0
    stream.ahead = call4(int_at(code, 2 + slot.strategy), state, index, address, limit)
    stream.found = 0
    for number in range(slot.tickets, slot.tickets + settings.tickets):
        if proposal_at(state, number).side != 0:
            stream.found = 1


@inlined
def is_quiet(stream: Any) -> bool:
    """Tell whether the bar under the cursor was stepped already without a proposal."""
    return stream.at < stream.ahead - stream.found


@inlined
def pass_quiet_bar(state: int, tape: int, stream: Any) -> None:
    """Take a bar on which the strategy, asked ahead of time, proposed nothing."""
    top = head(state)
    at = stream.at
    begin = int_at(stream.ts, at)
    top.seq += 1
    if stream.next_ns > top.now_ns:
        top.now_ns = stream.next_ns
    if begin >= top.next_roll_ns or tape_head(tape).day_count == 0:
        roll_day(state, tape, begin)
    slot = slot_at(state, stream.slot)
    slot.bars_seen += 1
    close = float_at(stream.close, at)
    ins = instrument_at(state, stream.instrument)
    ins.last = close
    ins.last_ns = stream.next_ns
    if slot.quantity != 0.0:
        settings = strategy_at(state, slot.strategy)
        high = float_at(stream.high, at)
        low = float_at(stream.low, at)
        mark_bar(state, stream.slot, slot, settings, high, low, close)


@kernel
def sleep(state: int, stream: Any) -> None:
    """Move a flat stream to its next proposal (or the end of what was stepped); its quiet bars are counted at once."""
    target = stream.ahead - stream.found
    passed = target - stream.at
    head(state).seq += passed
    slot_at(state, stream.slot).bars_seen += passed
    ins = instrument_at(state, stream.instrument)
    ins.last = float_at(stream.close, target - 1)
    ins.last_ns = int_at(stream.ts, target - 1) + stream.duration_ns
    stream.at = target - 1
    step_stream(stream)


@kernel
def write_still(state: int, tape: int, until_ns: int) -> int:
    """Write the unchanged equity at every instant before ``until_ns`` or the next day; return how many."""
    top = tape_head(tape)
    account = account_of(state, 0)
    equity = account.cash + account.market
    limit = min(until_ns, head(state).next_roll_ns + top.bar_ns)
    room = top.n_equity - top.equity_count - 2
    at = top.timeline_at
    first = at
    out = top.equity + top.equity_count * _EQUITY_BYTES
    while at < top.n_timeline and at - first < room:
        tick = int_at(top.timeline, at)
        if tick >= limit:
            break
        store_int(out, 0, tick)
        store_int(out, 1, equity)
        out += _EQUITY_BYTES
        at += 1
    count = at - first
    top.timeline_at = at
    top.equity_count += count
    if count > 0:
        head(state).now_ns = max(head(state).now_ns, int_at(top.timeline, at - 1))
        day = day_row(tape)
        day.marks += count
        day.ts_ns = int_at(top.timeline, at - 1)
        if equity != top.last_equity:
            settle_day(state, day, equity)
            top.last_equity = equity
    return count


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
