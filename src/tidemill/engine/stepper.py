"""The live face of a whole run: the same events, one by one, through ``Engine.feed`` and the simulated exchange.

It does in Python what the compiled loop does in one call; equal tapes and states afterwards are the parity proof.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.kernel.matching import CLOSE, OPEN, RANGE, SAME_CLOSE
from tidemill.kernel.replay import (
    accept_command,
    begin_match,
    mark_close,
    match_next,
    restate_orders,
    take_report,
    tell_price,
    write_mark,
)
from tidemill.model.enums import EventKind, FillTiming
from tidemill.model.records import COMMAND, EVENT, STREAM

__all__ = ["replay_one_by_one"]

_NEVER = np.iinfo(np.int64).max
_BAR_FIELDS = ("open", "high", "low", "close", "volume")
# what the loop writes too: fields that a kind of event does not use keep what they held
_BAR_EVENT = ("kind", "instrument", "ts_ns", "now_ns", "interval_ns", *_BAR_FIELDS)
_OTHER_EVENT = tuple(name for name in EVENT.names or () if name not in ("interval_ns", "open", "row"))


def _rows_of(row: Any) -> NDArray[Any]:
    """Return a stream's EVENT table, or its bars as columns, as plain arrays."""
    length = int(row["length"])
    if int(row["kind"]) == EventKind.BAR:
        out = np.zeros(length, EVENT)
        raw = (ctypes.c_int64 * length).from_address(int(row["ts"]))
        out["ts_ns"] = np.frombuffer(memoryview(raw), np.int64)
        for name in _BAR_FIELDS:
            out[name] = np.frombuffer(memoryview((ctypes.c_double * length).from_address(int(row[name]))), np.float64)
        out["kind"] = int(EventKind.BAR)
        out["instrument"] = row["instrument"]
        out["interval_ns"] = row["interval_ns"]
        out["now_ns"] = out["ts_ns"] + row["duration_ns"]
        return out
    table: NDArray[Any] = np.frombuffer(
        memoryview((ctypes.c_char * (length * EVENT.itemsize)).from_address(int(row["ts"]))), EVENT
    )
    return table


class _Exchange:
    """Carries commands to the simulated exchange and its reports back to the engine."""

    def __init__(self, engine: Engine, streams: NDArray[Any]) -> None:
        self.engine = engine
        self.state, self.venue = engine.state.address, engine.venue.address
        self.streams = streams
        self.commands = engine.state.address + int(engine.state.header["commands"][0])

    def send(self) -> None:
        """Hand over this turn's commands."""
        for number in range(len(self.engine.commands)):
            accept_command(self.venue, self.commands + number * COMMAND.itemsize)

    def settle(self) -> None:
        """Carry reports back until the exchange is silent."""
        while take_report(self.state, self.venue):
            self.engine.feed()
            self.send()

    def match(self, index: int, phase: int, end_ns: int) -> None:
        """Match the bar under a stream's cursor in one stage, answering every report before the next order."""
        where = int(self.streams.ctypes.data) + index * STREAM.itemsize
        if begin_match(self.state, self.venue, where, phase, end_ns):
            while match_next(self.venue, where, phase, end_ns):
                self.settle()

    def match_same_close(self, index: int, end_ns: int) -> None:
        """Fill at a bar's close what was decided on it."""
        book = self.engine.venue.tables["books"][int(self.streams[index]["instrument"])]
        if int(book["first"]) >= 0:
            self.match(index, SAME_CLOSE, end_ns)
            mark_close(self.state, int(self.streams.ctypes.data) + index * STREAM.itemsize)


def _feed_row(engine: Engine, exchange: _Exchange, row: Any, index: int, is_same_close: bool) -> None:
    """Feed one event and let the exchange answer."""
    for name in _BAR_EVENT if int(row["kind"]) == EventKind.BAR else _OTHER_EVENT:
        engine.event[name] = row[name]
    if int(row["kind"]) == EventKind.BAR:
        tell_price(engine.venue.address, int(row["instrument"]), float(row["close"]))
    if int(row["kind"]) == EventKind.OPERATOR and int(row["instrument"]) >= 0:
        last = float(engine.state.tables["instruments"][int(row["instrument"])]["last"])
        if last > 0.0:
            tell_price(engine.venue.address, int(row["instrument"]), last)
    if int(row["kind"]) == EventKind.SPLIT:
        restate_orders(engine.venue.address, int(row["instrument"]), float(row["close"]))
    engine.feed()
    exchange.send()
    exchange.settle()
    if is_same_close and int(row["kind"]) == EventKind.BAR:
        exchange.match_same_close(index, int(row["now_ns"]))


def replay_one_by_one(engine: Engine, streams: NDArray[Any]) -> None:
    """Run streams through the live face, event by event.

    Raises:
        StrategyError: a Python step raised.
    """
    exchange = _Exchange(engine, streams)
    tables = [_rows_of(row) for row in streams]
    is_same_close = int(engine.venue.header["fill_timing"][0]) == FillTiming.SAME_CLOSE
    room = 16 + 4 * len(engine.state.tables["orders"])
    while True:
        now = int(streams["next_ns"].min())
        if now == _NEVER:
            break
        engine.tape.grow(room)
        group = np.flatnonzero(streams["next_ns"] == now)
        for phase in (OPEN, RANGE, CLOSE):
            for index in group:
                if streams[index]["matches"] == 1:
                    exchange.match(int(index), phase, now)
        is_marked = False
        for index in group:
            row = streams[index]
            is_marked = is_marked or int(row["kind"]) == EventKind.BAR
            _feed_row(engine, exchange, tables[index][int(row["at"])], int(index), is_same_close)
            row["at"] += 1
            at = int(row["at"])
            row["next_ns"] = tables[index]["now_ns"][at] if at < int(row["length"]) else _NEVER
        if is_marked:
            write_mark(engine.state.address, engine.tape.address, now)
        for step in engine.steps:
            step.raise_failure()
