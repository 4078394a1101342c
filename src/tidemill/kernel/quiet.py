"""Bars on which nothing happens: marked, counted and written one by one, slept through, or stood still on."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    account_of,
    head,
    instrument_at,
    slot_at,
    strategy_at,
    tape_head,
)
from tidemill.kernel.ahead import step_stream
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.days import roll_day
from tidemill.kernel.ledger import mark_bar
from tidemill.kernel.memory import float_at, int_at, store_int
from tidemill.kernel.tape import day_row, settle_day
from tidemill.model.tape import EQUITY_ROW

__all__ = ["pass_quiet_bar", "sleep", "write_still"]

_EQUITY_BYTES = EQUITY_ROW.itemsize


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
