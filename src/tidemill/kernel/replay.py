"""The compiled loop of a backtest: merge the streams by time, match, advance, mark.

All bars that end at one instant are one group: first the exchange matches every instrument's orders (opens, then
ranges, then closes), then the strategies see the closed bars. So no instrument's decision can lean on another's later
fill, whatever the order of the files.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    book_at,
    head,
    tape_head,
)
from tidemill.kernel.ahead import run_ahead
from tidemill.kernel.compile import export, kernel
from tidemill.kernel.days import roll_to
from tidemill.kernel.instants import next_instant, take_group
from tidemill.kernel.leap import leap
from tidemill.kernel.matching import (
    accept,
    next_report,
    split_orders,
)
from tidemill.kernel.memory import call3, int_at, row_at, store_int
from tidemill.kernel.quiet import write_still
from tidemill.kernel.stages import begin_bar_stage, mark_again, meet_bar
from tidemill.kernel.tape import mark_equity
from tidemill.model.enums import EventKind
from tidemill.model.records import COMMAND, EVENT, HEADER, STREAM

__all__ = [
    "DONE",
    "MORE",
    "TAPE_FULL",
    "accept_command",
    "begin_match",
    "feed",
    "feed_rows",
    "mark_close",
    "match_next",
    "replay",
    "restate_orders",
    "take_report",
    "tell_price",
    "write_mark",
]

DONE = 0
TAPE_FULL = 1
MORE = 2

_BAR = int(EventKind.BAR)
_NEVER = 9_223_372_036_854_775_807
_EVENT_AT = HEADER.fields["event"][1]  # type: ignore[index]
_EVENT_WORDS = EVENT.itemsize // 8


@kernel
def _has_room(state: int, tape: int) -> bool:
    """Tell whether the tape can take whatever one group may write."""
    top = tape_head(tape)
    need = 16 + 4 * head(state).n_orders
    return (
        top.equity_count + 2 < top.n_equity
        and top.day_count + 2 < top.n_days
        and top.fill_count + need < top.n_fills
        and top.trip_count + need < top.n_trips
        and top.order_count + need < top.n_orders
        and top.refusal_count + need < top.n_refusals
    )


@kernel
def _next_tick(tape: int) -> int:
    """Return the next instant of the timeline."""
    top = tape_head(tape)
    return int_at(top.timeline, top.timeline_at) if top.timeline_at < top.n_timeline else _NEVER


@kernel
def _leap_alone(state: int, venue: int, tape: int, code: int, stream: Any, address: int, budget: int) -> int:
    """Pass quiet bars of a run's only stream; return how many."""
    if stream.slot < 0:
        return 0
    if stream.at >= stream.ahead:
        run_ahead(state, venue, code, stream, address, _NEVER, False)
    top = tape_head(tape)
    room = min(top.n_equity - top.equity_count, top.n_days - top.day_count) - 2  # a bar may begin a day
    return leap(state, tape, stream, min(room, budget))


@kernel
def _take_tick(state: int, venue: int, tape: int, code: int, streams: int, count: int, others: int, due: int) -> int:
    """Take one instant of the timeline, or the event that comes before it; return how many instants were used up."""
    tick = _next_tick(tape)
    if due < tick:
        take_group(state, venue, tape, code, streams, others, others, due)
        return 0
    top = tape_head(tape)
    roll_to(state, tape, tick - top.bar_ns)
    if tick < due and head(state).open_slots == 0:
        return write_still(state, tape, due)
    top.timeline_at += 1
    take_group(state, venue, tape, code, streams, count, others, tick)
    head(state).now_ns = max(head(state).now_ns, tick)  # all bars of this instant may have been passed in their sleep
    return 1


@export("int64(int64, int64, int64, int64, int64, int64, int64)")
def replay(state: int, venue: int, tape: int, code: int, streams: int, count: int, budget: int) -> int:
    """Run the streams through matching and ``advance`` until they end, the tape is full or ``budget`` groups are done.

    Returns:
        DONE, TAPE_FULL (make room and call again) or MORE (call again).
    """
    top = tape_head(tape)
    checked = -1
    others = 0
    while others < count and row_at(streams, others, count, STREAM).kind != _BAR:
        others += 1
    for index in range(count):
        store_int(top.dues, index, row_at(streams, index, count, STREAM).next_ns)
    while True:
        due = row_at(streams, 0, 1, STREAM).next_ns if count == 1 else next_instant(tape, count)
        if due == _NEVER and _next_tick(tape) == _NEVER:
            return DONE
        if budget <= 0:
            return MORE
        if top.writes != checked or top.equity_count + 2 >= top.n_equity:
            if not _has_room(state, tape):
                return TAPE_FULL
            checked = top.writes
        if count == 1:
            passed = _leap_alone(state, venue, tape, code, row_at(streams, 0, 1, STREAM), streams, budget)
            if passed > 0:
                budget -= passed
                store_int(top.dues, 0, row_at(streams, 0, 1, STREAM).next_ns)
                continue
        budget -= 1
        if top.n_timeline > 0:
            _take_tick(state, venue, tape, code, streams, count, others, due)
        else:
            take_group(state, venue, tape, code, streams, count, others, due)


@export("int64(int64, int64, int64)")
def feed(state: int, tape: int, code: int) -> int:
    """Take one turn on the event in the state's header and return the number of commands (live face)."""
    call3(int_at(code, 0), state, tape, code)
    return head(state).command_count


@export("int64(int64, int64, int64, int64, int64, int64)")
def feed_rows(state: int, tape: int, code: int, rows: int, stride: int, count: int) -> int:
    """Take turns on EVENT rows that lie ``stride`` bytes apart, stopping after one that was not quiet (live face).

    Quiet is a turn that leaves no commands, writes no result row and neither halts nor resumes the core.

    Returns:
        How many rows were taken; none means that the tape needs room.
    """
    if not _has_room(state, tape):
        return 0
    top = head(state)
    writes = tape_head(tape).writes
    halted = top.halted
    for at in range(count):
        for word in range(_EVENT_WORDS):
            store_int(state + _EVENT_AT, word, int_at(rows + at * stride, word))
        call3(int_at(code, 0), state, tape, code)
        if top.command_count > 0 or tape_head(tape).writes != writes or top.halted != halted:
            return at + 1
    return count


@export("void(int64, int64)")
def accept_command(venue: int, command: int) -> None:
    """Hand one command of the core to the exchange (live face)."""
    accept(venue, row_at(command, 0, 1, COMMAND))


@export("int64(int64, int64)")
def take_report(state: int, venue: int) -> int:
    """Move the exchange's oldest report into the state's event; 0 when there is none (live face)."""
    return 1 if next_report(venue, head(state).event) else 0


@export("int64(int64, int64, int64, int64, int64)")
def begin_match(state: int, venue: int, stream: int, phase: int, end_ns: int) -> int:
    """Begin a stage for the bar under a stream's cursor; 0 when no order works there (live face)."""
    row = row_at(stream, 0, 1, STREAM)
    if book_at(venue, row.instrument).first < 0:
        return 0
    begin_bar_stage(state, venue, row, phase, end_ns)
    return 1


@export("int64(int64, int64, int64, int64)")
def match_next(venue: int, stream: int, phase: int, end_ns: int) -> int:
    """Match the bar under a stream's cursor until an order has something to report; 0 when the stage is over."""
    return 1 if meet_bar(venue, row_at(stream, 0, 1, STREAM), phase, end_ns) else 0


@export("void(int64, int64)")
def mark_close(state: int, stream: int) -> None:
    """Value an instrument's positions at the close of the bar under a stream's cursor (live face)."""
    mark_again(state, row_at(stream, 0, 1, STREAM))


@export("void(int64, int64, float64)")
def tell_price(venue: int, instrument: int, price: float) -> None:
    """Tell the exchange an instrument's last price (live face)."""
    book_at(venue, instrument).last = price


@export("void(int64, int64, int64)")
def write_mark(state: int, tape: int, ts_ns: int) -> None:
    """Mark the account's equity once all bars of an instant are done (live face)."""
    mark_equity(state, tape, ts_ns)


@export("void(int64, int64, float64)")
def restate_orders(venue: int, instrument: int, ratio: float) -> None:
    """Restate the exchange's orders after a split (live face)."""
    split_orders(venue, instrument, ratio)
