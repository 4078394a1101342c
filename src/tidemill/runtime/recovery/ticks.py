"""Recorded trades and quotes through a fresh core many at a time: the same turns and looks, no row touched alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.runtime.groups import Groups
from tidemill.runtime.market.market import TICKS, Market
from tidemill.runtime.orders.desk import SteppedExchange
from tidemill.runtime.projections.projector import Projector
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.record.tape import LAST
from tidemill.runtime.turns import Turns

__all__ = ["RecordedTicks"]

_WINDOW = 4096  # rows that are looked through at once
_SECOND_NS = 1_000_000_000


class RecordedTicks:
    """Takes what lies ahead on a recorded tape as long as it is trades and quotes that only the core had to see.

    Args:
        rows: the recorded tape, TAPE_EVENT rows.
        journal, turns, groups, market, projector: of the run.
        exchange: the simulated one, None when orders go to a broker outside.
    """

    def __init__(
        self,
        rows: NDArray[Any],
        journal: Journal,
        turns: Turns,
        groups: Groups,
        market: Market,
        projector: Projector,
        exchange: SteppedExchange | None,
    ) -> None:
        self._rows, self._journal, self._turns, self._market = rows, journal, turns, market
        self._groups, self._projector, self._exchange = groups, projector, exchange
        self._base, self._stride = int(rows.ctypes.data), rows.itemsize
        kinds = rows["event"]["kind"]
        # what an order of the simulated exchange might have met is marked as held
        self._plain = np.isin(kinds, TICKS) & (rows["mark"] == LAST)
        self._stops = np.flatnonzero(~self._plain)
        if len(rows):  # what is written again and again is written for the end of the tape alone
            projector.skim_until_ns = int(rows[-1]["wall_ns"]) - _SECOND_NS

    async def take(self) -> bool:
        """Take what lies ahead; False when the next row is something else."""
        at = self._journal.next_seq - 1
        if not self._plain[at]:
            return False
        found = int(np.searchsorted(self._stops, at))
        stop = int(self._stops[found]) if found < len(self._stops) else len(self._rows)
        while at < stop:
            end = min(at + _WINDOW, stop)
            self._market.relive(np.ascontiguousarray(self._rows["event"][at:end]))
            while at < end:
                at += await self._take_quiet(at, end)
        return True

    async def _take_quiet(self, at: int, end: int) -> int:
        """Take rows up to the first turn that is not quiet or the first row at which the read tables are looked at."""
        rows, projector = self._rows, self._projector
        projector.take_row(at + 1, int(rows[at]["wall_ns"]))
        ahead = projector.next_look(rows["wall_ns"][at:end], rows["event"]["now_ns"][at:end])
        address = self._base + at * self._stride
        taken = await self._turns.take_recorded(address, self._stride, ahead, lambda count: self._show(at, count))
        if self._is_stepped(rows[at + taken - 1]):
            await self._groups.settle()
        projector.passed(int(rows[at + taken - 1]["wall_ns"]))
        return taken

    def _is_stepped(self, row: Any) -> bool:
        """Tell whether the simulated exchange takes such a row before the core does."""
        exchange = self._exchange
        return exchange is not None and (exchange.matches_trades or int(row["event"]["kind"]) == EventKind.QUOTE)

    def _show(self, at: int, count: int) -> None:
        """Let the simulated exchange see what the core has taken."""
        if self._exchange is None:
            return
        rows = self._rows["event"][at : at + count]
        if not self._exchange.matches_trades:
            rows = rows[rows["kind"] == int(EventKind.QUOTE)]
        if len(rows):
            self._exchange.pass_by(rows)
