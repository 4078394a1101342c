"""Everything that becomes known at one instant: matched first, then decided on, then marked."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    book_at,
    head,
    instrument_at,
    slot_at,
    tape_head,
    venue_head,
)
from tidemill.kernel.ahead import is_quiet, load_event, run_ahead, step_stream
from tidemill.kernel.compile import kernel
from tidemill.kernel.matching import (
    SAME_CLOSE,
    split_orders,
)
from tidemill.kernel.memory import call3, int_at, row_at, store_int
from tidemill.kernel.quiet import pass_quiet_bar, sleep
from tidemill.kernel.stages import deliver, mark_again, match_bar, match_group
from tidemill.kernel.tape import mark_equity
from tidemill.model.enums import EventKind, FillTiming
from tidemill.model.records import STREAM

__all__ = ["next_instant", "take_group"]

_BAR = int(EventKind.BAR)
_SPLIT = int(EventKind.SPLIT)
_OPERATOR = int(EventKind.OPERATOR)
_SAME_CLOSE = int(FillTiming.SAME_CLOSE)
_NEVER = 9_223_372_036_854_775_807
_STREAM_BYTES = STREAM.itemsize


@kernel
def next_instant(tape: int, count: int) -> int:
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
        deliver(state, venue, tape, code)
    same_close = venue_head(venue).fill_timing == _SAME_CLOSE
    if same_close and stream.kind == _BAR and book_at(venue, stream.instrument).first >= 0:
        match_bar(state, venue, tape, code, stream, SAME_CLOSE, now)
        mark_again(state, stream)
    step_stream(stream)


@kernel
def take_group(state: int, venue: int, tape: int, code: int, streams: int, count: int, others: int, now: int) -> None:
    """Match and decide everything that becomes known at one instant, then mark the account."""
    if venue_head(venue).working > 0:
        match_group(state, venue, tape, code, streams, count, now)
    marked = False
    dues = tape_head(tape).dues
    for index in range(count):
        if int_at(dues, index) == now:
            stream = row_at(streams, index, count, STREAM)
            marked = marked or stream.kind == _BAR
            taken = False
            if stream.slot >= 0:
                until = next_instant(tape, others) if others > 0 else _NEVER
                taken = _take_bar(state, venue, tape, code, stream, streams + index * _STREAM_BYTES, until)
            if not taken:
                _take_stream(state, venue, tape, code, stream, now)
            store_int(dues, index, stream.next_ns)
    if marked or (tape_head(tape).n_timeline > 0 and count > others):  # on a timeline every bar may be asleep
        mark_equity(state, tape, now)
