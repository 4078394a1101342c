"""Matching bars stage by stage: opens, ranges, closes; after each report the core answers before the next order."""

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
from tidemill.kernel.compile import kernel
from tidemill.kernel.ledger import mark_slot
from tidemill.kernel.matching import (
    CLOSE,
    OPEN,
    RANGE,
    accept,
    begin_bar,
    begin_open,
    begin_stage,
    meet_close,
    meet_newborn,
    meet_open,
    meet_range,
    next_report,
    untouched,
)
from tidemill.kernel.memory import call3, float_at, int_at, row_at
from tidemill.model.records import STREAM

__all__ = ["begin_bar_stage", "deliver", "mark_again", "match_bar", "match_group", "meet_bar"]

_NEVER = 9_223_372_036_854_775_807
_DAY_NS = 86_400_000_000_000


@kernel
def deliver(state: int, venue: int, tape: int, code: int) -> None:
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
def begin_bar_stage(state: int, venue: int, stream: Any, phase: int, end_ns: int) -> None:
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
def meet_bar(venue: int, stream: Any, phase: int, end_ns: int) -> bool:
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
def match_bar(state: int, venue: int, tape: int, code: int, stream: Any, phase: int, end_ns: int) -> None:
    """Match the bar under a stream's cursor in one stage; the core answers every report before the next order."""
    begin_bar_stage(state, venue, stream, phase, end_ns)
    while meet_bar(venue, stream, phase, end_ns):
        deliver(state, venue, tape, code)


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
def match_group(state: int, venue: int, tape: int, code: int, streams: int, count: int, end_ns: int) -> None:
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
                    match_bar(state, venue, tape, code, stream, phase, end_ns)
