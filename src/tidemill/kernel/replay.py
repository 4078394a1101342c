"""The compiled loop of a backtest: merge the streams by time, match, advance, mark.

All bars that end at one instant are one group: first the exchange matches every instrument's orders (opens, then
ranges, then closes), then the strategies see the closed bars. So no instrument's decision can lean on another's later
fill, whatever the order of the files.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    book_at,
    calendar_at,
    command_at,
    head,
    instrument_at,
    session_at,
    slot_at,
    tape_head,
    venue_head,
)
from tidemill.kernel.clock import day_of, session_of
from tidemill.kernel.compile import export, kernel
from tidemill.kernel.days import roll_to
from tidemill.kernel.leap import (
    is_quiet,
    leap,
    load_event,
    pass_quiet_bar,
    run_ahead,
    sleep,
    step_stream,
    write_still,
)
from tidemill.kernel.ledger import mark_slot
from tidemill.kernel.matching import (
    CLOSE,
    OPEN,
    RANGE,
    SAME_CLOSE,
    accept,
    begin_bar,
    begin_open,
    begin_stage,
    meet_close,
    meet_newborn,
    meet_open,
    meet_range,
    next_report,
    split_orders,
    untouched,
)
from tidemill.kernel.memory import call3, float_at, int_at, row_at, store_int
from tidemill.kernel.tape import mark_equity
from tidemill.model.enums import EventKind, FillTiming
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
_SPLIT = int(EventKind.SPLIT)
_OPERATOR = int(EventKind.OPERATOR)
_SAME_CLOSE = int(FillTiming.SAME_CLOSE)
_NEVER = 9_223_372_036_854_775_807
_DAY_NS = 86_400_000_000_000
_STREAM_BYTES = STREAM.itemsize
_EVENT_AT = HEADER.fields["event"][1]  # type: ignore[index]
_EVENT_WORDS = EVENT.itemsize // 8


@kernel
def _deliver(state: int, venue: int, tape: int, code: int) -> None:
    """Carry commands to the exchange and its reports back until both are silent."""
    top = head(state)
    for index in range(top.command_count):
        accept(venue, command_at(state, index))
    top.command_count = 0
    while next_report(venue, top.event):
        call3(int_at(code, 0), state, tape, code)
        for index in range(top.command_count):
            accept(venue, command_at(state, index))
        top.command_count = 0


@kernel
def _session_flags(state: int, stream: Any, begin_ns: int, end_ns: int) -> int:
    """Return 1 if a bar opens its regular session, plus 2 if it closes it; daily bars do both."""
    if stream.interval_ns >= _DAY_NS:
        return 3
    calendar = instrument_at(state, stream.instrument).calendar
    cal = calendar_at(state, calendar)
    before = int_at(stream.ts, stream.at - 1) if stream.at > 0 else -_NEVER
    if cal.session_rows == 0:
        day_of(state, calendar, begin_ns)
        return 1 if before < cal.began_ns else 0
    if session_of(state, calendar, begin_ns) == 0 or cal.session_at >= cal.session_rows:
        return 0
    session = session_at(state, cal.session + cal.session_at)
    flags = 1 if begin_ns >= session.open_ns and before < session.open_ns else 0
    if begin_ns < session.close_ns and end_ns >= session.close_ns:
        flags += 2
    return flags


@kernel
def mark_again(state: int, stream: Any) -> None:
    """Value positions at the bar's close after fills at that close, which slippage made worse."""
    ins = instrument_at(state, stream.instrument)
    ins.last = float_at(stream.close, stream.at)
    for index in range(ins.first_slot, ins.first_slot + ins.slot_count):
        if slot_at(state, index).quantity != 0.0:
            mark_slot(state, index, ins.last)


@kernel
def _begin(state: int, venue: int, stream: Any, phase: int, end_ns: int) -> None:
    """Begin a stage for the bar under a stream's cursor."""
    at = stream.at
    instrument = stream.instrument
    begin = int_at(stream.ts, at)
    if phase == OPEN or book_at(venue, instrument).opened_ns != begin:
        flags = _session_flags(state, stream, begin, end_ns)
        day = day_of(state, instrument_at(state, instrument).calendar, begin)
        volume = float_at(stream.volume, at) if venue_head(venue).volume_cap > 0.0 else 0.0
        begin_bar(venue, instrument, volume, begin, day, flags)
    if phase == OPEN:
        begin_open(venue, instrument, float_at(stream.open, at))
    else:
        begin_stage(venue, instrument)


@kernel
def _meet(venue: int, stream: Any, phase: int, end_ns: int) -> bool:
    """Match the bar under a stream's cursor until an order has something to report; False when the stage is over."""
    at = stream.at
    instrument = stream.instrument
    begin = int_at(stream.ts, at)
    if phase == OPEN:
        return meet_open(venue, instrument, float_at(stream.open, at), begin)
    high = float_at(stream.high, at)
    low = float_at(stream.low, at)
    if phase == RANGE:
        return meet_range(venue, instrument, high, low, begin, end_ns)
    if phase == CLOSE and meet_newborn(venue, instrument, high, low, end_ns):
        return True
    return meet_close(venue, instrument, float_at(stream.close, at), end_ns)


@kernel
def _match(state: int, venue: int, tape: int, code: int, stream: Any, phase: int, end_ns: int) -> None:
    """Match the bar under a stream's cursor in one stage; the core answers every report before the next order."""
    _begin(state, venue, stream, phase, end_ns)
    while _meet(venue, stream, phase, end_ns):
        _deliver(state, venue, tape, code)


@kernel
def _may_trade(venue: int, stream: Any) -> bool:
    """Tell whether the bar under a stream's cursor may touch an order."""
    if book_at(venue, stream.instrument).first < 0:
        return False
    at = stream.at
    high = float_at(stream.high, at)
    low = float_at(stream.low, at)
    return not untouched(venue, stream.instrument, high, low, int_at(stream.ts, at))


@kernel
def _match_group(state: int, venue: int, tape: int, code: int, streams: int, count: int, end_ns: int) -> None:
    """Match every bar of a group in the three stages, each for all bars before the next."""
    dues = tape_head(tape).dues
    first = count
    last = -1
    for index in range(count):
        if int_at(dues, index) == end_ns:
            stream = row_at(streams, index, count, STREAM)
            if stream.matches == 1 and _may_trade(venue, stream):
                first = min(first, index)
                last = index
    for phase in range(OPEN, CLOSE + 1):
        for index in range(first, last + 1):
            if int_at(dues, index) == end_ns:
                stream = row_at(streams, index, count, STREAM)
                if stream.matches == 1 and _may_trade(venue, stream):
                    _match(state, venue, tape, code, stream, phase, end_ns)


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
def _next_instant(tape: int, count: int) -> int:
    """Return the earliest instant at which any of the first ``count`` streams has something to tell."""
    dues = tape_head(tape).dues
    earliest = _NEVER
    for index in range(count):
        instant = int_at(dues, index)
        if instant < earliest:
            earliest = instant
    return earliest


@kernel
def _take_bar(state: int, venue: int, tape: int, code: int, stream: Any, address: int, until_ns: int) -> bool:
    """Pass a bar quietly if its strategy, asked ahead, proposed nothing; tell whether that was so.

    With a timeline, a flat stream sleeps until its next proposal: the bars between are counted at once.
    """
    if stream.at >= stream.ahead:
        run_ahead(state, venue, code, stream, address, until_ns, True)
    if not is_quiet(stream):
        slot_at(state, stream.slot).stepped = 1 if stream.at < stream.ahead else 0
        return False
    if tape_head(tape).n_timeline > 0 and slot_at(state, stream.slot).quantity == 0.0:
        sleep(state, stream)
    else:
        pass_quiet_bar(state, tape, stream)
        step_stream(stream)
    return True


@kernel
def _tell_last(state: int, venue: int, instrument: int) -> None:
    """Tell the exchange the newest price of an instrument; of bars that could touch no order it has heard nothing."""
    last = instrument_at(state, instrument).last
    if last > 0.0:
        book_at(venue, instrument).last = last


@kernel
def _take_stream(state: int, venue: int, tape: int, code: int, stream: Any, now: int) -> None:
    """Hand the row under a stream's cursor to the core and carry its orders out."""
    top = head(state)
    load_event(state, stream)
    if stream.kind == _BAR:
        book_at(venue, stream.instrument).last = top.event.close
    elif top.event.kind == _OPERATOR and top.event.instrument >= 0:
        _tell_last(state, venue, top.event.instrument)
    if top.event.kind == _SPLIT:
        split_orders(venue, top.event.instrument, top.event.close)
    is_split = top.event.kind == _SPLIT
    call3(int_at(code, 0), state, tape, code)
    if top.command_count > 0 or is_split:
        _deliver(state, venue, tape, code)
    same_close = venue_head(venue).fill_timing == _SAME_CLOSE
    if same_close and stream.kind == _BAR and book_at(venue, stream.instrument).first >= 0:
        _match(state, venue, tape, code, stream, SAME_CLOSE, now)
        mark_again(state, stream)
    step_stream(stream)


@kernel
def _take_group(state: int, venue: int, tape: int, code: int, streams: int, count: int, others: int, now: int) -> None:
    """Match and decide everything that becomes known at one instant, then mark the account."""
    if venue_head(venue).working > 0:
        _match_group(state, venue, tape, code, streams, count, now)
    marked = False
    dues = tape_head(tape).dues
    for index in range(count):
        if int_at(dues, index) == now:
            stream = row_at(streams, index, count, STREAM)
            marked = marked or stream.kind == _BAR
            taken = False
            if stream.slot >= 0:
                until = _next_instant(tape, others) if others > 0 else _NEVER
                taken = _take_bar(state, venue, tape, code, stream, streams + index * _STREAM_BYTES, until)
            if not taken:
                _take_stream(state, venue, tape, code, stream, now)
            store_int(dues, index, stream.next_ns)
    if marked or (tape_head(tape).n_timeline > 0 and count > others):  # on a timeline every bar may be asleep
        mark_equity(state, tape, now)


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
        _take_group(state, venue, tape, code, streams, others, others, due)
        return 0
    top = tape_head(tape)
    roll_to(state, tape, tick - top.bar_ns)
    if tick < due and head(state).open_slots == 0:
        return write_still(state, tape, due)
    top.timeline_at += 1
    _take_group(state, venue, tape, code, streams, count, others, tick)
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
        due = row_at(streams, 0, 1, STREAM).next_ns if count == 1 else _next_instant(tape, count)
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
            _take_group(state, venue, tape, code, streams, count, others, due)


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
    _begin(state, venue, row, phase, end_ns)
    return 1


@export("int64(int64, int64, int64, int64)")
def match_next(venue: int, stream: int, phase: int, end_ns: int) -> int:
    """Match the bar under a stream's cursor until an order has something to report; 0 when the stage is over."""
    return 1 if _meet(venue, row_at(stream, 0, 1, STREAM), phase, end_ns) else 0


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
