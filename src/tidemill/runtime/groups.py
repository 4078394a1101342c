"""How a group of market events passes the simulated exchange and the core, in the order of the compiled loop."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.kernel.replay import mark_close
from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT, STREAM
from tidemill.runtime.orders.desk import Desk, InstantDesk, SteppedExchange
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.record.tape import HELD, LAST
from tidemill.runtime.turns import CLOSE_MARKER, FEED_MARKER, Turns, marker_row

__all__ = ["Groups", "value_at_close"]

_BYTES = EVENT.itemsize
_BAR = int(EventKind.BAR)
_QUOTE = int(EventKind.QUOTE)
_SPLIT = int(EventKind.SPLIT)
_REPORTS, _FEED = 1, 2  # pauses of a stepped exchange; the third values positions at the close again


def value_at_close(state: int, instrument: int, close: float) -> None:
    """Value an instrument's positions at a close, after fills at that close which slippage made worse."""
    column = np.array([close])
    stream = np.zeros(1, STREAM)
    stream["instrument"] = instrument
    stream["close"] = column.ctypes.data
    mark_close(state, int(stream.ctypes.data))


class Groups:
    """Takes the market events of one instant.

    Args:
        turns, journal, desk: of the run.
        exchange: the simulated exchange, None when orders go to a broker outside.
        told: hears of every group before the core does; None: nobody.
    """

    def __init__(
        self,
        turns: Turns,
        journal: Journal,
        desk: Desk,
        exchange: SteppedExchange | None,
        told: Callable[[NDArray[Any]], None] | None = None,
    ) -> None:
        self._turns, self._journal, self._desk, self._exchange = turns, journal, desk, exchange
        self._told = told

    async def settle(self) -> None:
        """Carry reports to the core and its answers out until both are silent."""
        while (report := self._desk.next_report()) is not None:
            await self._turns.take_report(report, report.ts_ns)

    async def take(self, rows: NDArray[Any]) -> None:
        """Take EVENT rows that become known at one instant: splits first, then bars, or one trade or quote."""
        if self._told is not None:
            self._told(rows)
        if self._exchange is None:
            await self._feed_all(rows)
        elif isinstance(self._desk, InstantDesk):
            await self._desk.gather(self._step_through(rows, self._exchange))
        else:
            await self._step_through(rows, self._exchange)
        bars = rows["kind"] == _BAR
        if bars.any():
            self._turns.core.mark(int(rows["now_ns"][-1]))

    async def take_tick(self, rows: NDArray[Any], address: int) -> None:
        """Take one trade, which lies at an address."""
        exchange = self._exchange
        if exchange is not None and exchange.matches_trades:
            await self._step_through(rows, exchange)
        else:
            await self._turns.take(address, self._journal.append(address, LAST))

    async def take_ticks(self, rows: NDArray[Any]) -> None:
        """Take trades or quotes, each an instant of its own."""
        if self._exchange is not None and (self._exchange.matches_trades or rows["kind"][0] == _QUOTE):
            for at in range(len(rows)):
                await self._step_through(rows[at : at + 1], self._exchange)
            return
        first = self._journal.extend(rows, LAST)
        await self._turns.take_rows(int(rows.ctypes.data), int(rows.strides[0]), len(rows), first)

    async def _feed_all(self, rows: NDArray[Any]) -> None:
        """Let the core take one row after the other."""
        base, last = int(rows.ctypes.data), len(rows) - 1
        seqs = [self._journal.append(base + at * _BYTES, LAST if at == last else 0) for at in range(len(rows))]
        for at, seq in enumerate(seqs):
            await self._turns.take(base + at * _BYTES, seq)
            if rows["kind"][at] == _SPLIT:
                self._turns.restate(int(rows["instrument"][at]), float(rows["close"][at]), seq)

    async def _step_through(self, rows: NDArray[Any], exchange: SteppedExchange) -> None:
        """Match first, then let the core see the rows; what the exchange saw is on the tape before its reports."""
        base, last = int(rows.ctypes.data), len(rows) - 1
        journal, turns = self._journal, self._turns
        held = last > 0 or exchange.has_work
        if held:
            for at in range(len(rows)):
                journal.append(base + at * _BYTES, HELD | (LAST if at == last else 0))
        for phase in exchange.phases(rows):
            if phase.kind == _REPORTS:
                await self.settle()
                continue
            event = base + phase.row * _BYTES
            if phase.kind == _FEED:
                seq = self._append_marker(rows, phase.row, FEED_MARKER) if held else journal.append(event, LAST)
                await turns.take(event, seq)
                await self.settle()
            else:
                self._append_marker(rows, phase.row, CLOSE_MARKER)
                close = float(rows["close"][phase.row])
                value_at_close(turns.core.engine.state.address, int(rows["instrument"][phase.row]), close)

    def _append_marker(self, rows: NDArray[Any], row: int, code: int) -> int:
        marker = marker_row(row, code, int(rows["now_ns"][row]))
        marker["instrument"] = rows["instrument"][row]
        marker["close"] = rows["close"][row]
        return self._journal.append(int(marker.ctypes.data))

    def next_recorded(self) -> NDArray[Any] | None:
        """Return the recorded group that comes next, None if it is torn."""
        rows, ahead = [], 0
        while (row := self._journal.peek(ahead)) is not None:
            rows.append(row["event"])
            ahead += 1
            if int(row["mark"]) & LAST:
                group = np.zeros(len(rows), EVENT)
                for at, event in enumerate(rows):
                    ctypes.memmove(int(group.ctypes.data) + at * _BYTES, event.tobytes(), _BYTES)
                return group
        return None
