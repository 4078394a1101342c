"""The paper exchange's own market: the backtest's compiled matcher, stepped one group of events at a time.

It owns an exchange block for the orders and a reference block for the calendars, and shares no memory with any core.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.plan import EnginePlan
from tidemill.engine.state import build_state
from tidemill.engine.venue import build_venue
from tidemill.kernel.matching import CLOSE, OPEN, RANGE, SAME_CLOSE
from tidemill.kernel.replay import (
    accept_command,
    begin_match,
    match_next,
    restate_orders,
    take_report,
    tell_price,
)
from tidemill.model.enums import EventKind, FillTiming, Slippage
from tidemill.model.records import COMMAND, STREAM

__all__ = ["PaperMarket", "Phase", "PhaseKind"]

_PRICES = ("open", "high", "low", "close", "volume")


class PhaseKind(IntEnum):
    """What the run loop is to do at a pause of the paper exchange."""

    REPORTS = 1
    FEED = 2
    MARK = 3


@dataclass(frozen=True, slots=True)
class Phase:
    """A pause of the paper exchange.

    Args:
        kind: REPORTS: reports wait. FEED: the core takes row ``row`` of the group now, and its orders are sent. MARK:
            after fills at that row's own close the core values its positions at that close again. After each of them
            all reports are handed to the core, oldest first.
        row: of the group; -1 with REPORTS.
    """

    kind: PhaseKind
    row: int = -1


_REPORTS = Phase(PhaseKind.REPORTS)


class _Columns:
    """The newest bar of one stream, and the one before it, as the matcher reads bars: by the address of columns."""

    def __init__(self, instrument: int, interval_ns: int) -> None:
        self._ts = np.zeros(2, np.int64)
        self._values = np.zeros((len(_PRICES), 2))
        self._count = 0
        self.stream = np.zeros(1, STREAM)
        self.stream["instrument"] = instrument
        self.stream["interval_ns"] = interval_ns
        self.stream["matches"] = 1
        self.stream["kind"] = int(EventKind.BAR)
        self.stream["ts"] = self._ts.ctypes.data
        for number, name in enumerate(_PRICES):
            self.stream[name] = self._values[number].ctypes.data
        self.address = int(self.stream.ctypes.data)

    def show(self, ts_ns: int, prices: tuple[float, float, float, float, float]) -> None:
        """Put a bar under the cursor."""
        self._ts[0] = self._ts[1]
        self._values[:, 0] = self._values[:, 1]
        at = 1 if self._count else 0
        self._ts[at] = ts_ns
        self._values[:, at] = prices
        if self._count == 0:
            self._ts[1], self._values[:, 1] = self._ts[0], self._values[:, 0]
        self._count += 1
        self.stream["at"] = at
        self.stream["length"] = at + 1


class PaperMarket:
    """Matches orders on bars (or trades) exactly as the backtest's loop does.

    Args:
        plan: of the run: instruments, calendars, costs, fill rules.
        match_trades: orders meet trades, each as a bar of one price; bars only of instruments no trade has come of.
    """

    def __init__(self, plan: EnginePlan, *, match_trades: bool = False) -> None:
        self.plan = plan
        self._match_trades = match_trades
        self._ticking: set[int] = set()  # instruments whose bars tell nothing that their trades have not told
        self.state = build_state(plan)
        self.venue = build_venue(plan, len(self.state.tables["orders"]))
        self._same_close = plan.run.fills.timing is FillTiming.SAME_CLOSE
        self._spreads = plan.run.costs.slippage is Slippage.HALF_SPREAD
        self._books = self.venue.tables["books"]
        self._orders = self.venue.tables["orders"]
        self._event = self.state.header["event"]
        self._command = np.zeros(1, COMMAND)
        self._command_address = int(self._command.ctypes.data)
        self._columns: dict[tuple[int, int], _Columns] = {}
        self._shown: list[_Columns | None] = []
        self.waiting: deque[Any] = deque()

    @property
    def is_full(self) -> bool:
        """Tell whether no further order has room."""
        return int(self.venue.header["free_order"][0]) < 0

    def command(self, **values: float) -> None:
        """Hand one command to the matcher and collect what it says at once."""
        self._command[:] = 0
        for name, value in values.items():
            self._command[name] = value
        self._command["row"] = -1
        accept_command(self.venue.address, self._command_address)
        self.collect()

    def collect(self) -> None:
        """Move the matcher's reports into ``waiting``, oldest first, as EVENT scalars."""
        while take_report(self.state.address, self.venue.address):
            self.waiting.append(self._event[0].copy())

    def order(self, number: int) -> Any | None:
        """Return a live order's row, None when it has ended."""
        rows = np.flatnonzero(self._orders["id"] == number)
        return self._orders[rows[0]] if len(rows) else None

    def _show(self, row: Any) -> _Columns | None:
        """Put an event's prices where the matcher reads them; None when no order meets it."""
        kind, instrument = int(row["kind"]), int(row["instrument"])
        if kind == EventKind.BAR and instrument not in self._ticking:
            interval = int(row["interval_ns"])
            prices = tuple(float(row[name]) for name in _PRICES)
        elif kind == EventKind.TRADE and self._match_trades:
            interval, price = 0, float(row["close"])
            self._ticking.add(instrument)
            prices = (price, price, price, price, float(row["volume"]))
        else:
            return None
        columns = self._columns.get((instrument, interval))
        if columns is None:
            columns = self._columns[instrument, interval] = _Columns(instrument, interval)
        columns.show(int(row["ts_ns"]), prices)  # type: ignore[arg-type]
        return columns

    def _meets(self, row: Any) -> bool:
        """Tell whether orders are matched on an event."""
        finest = self.plan.intervals_ns[int(row["instrument"])]
        return int(row["kind"]) == EventKind.TRADE or finest in {0, int(row["interval_ns"])}

    def stream_address(self, row: int) -> int:
        """Return where the STREAM row of a bar of the present group lies, for ``kernel.replay.mark_close``."""
        columns = self._shown[row]
        return columns.address if columns is not None else 0

    def phases(self, rows: NDArray[Any]) -> Iterator[Phase]:
        """Match a group of events and pause wherever the core has its turn.

        Args:
            rows: EVENT rows that end at one instant, in the order of the backtest's streams: splits, dividends and
                other events first, then bars from the finest interval up.
        """
        now = int(rows["now_ns"].max()) if len(rows) else 0
        self._shown = [self._show(row) for row in rows]
        matched = [
            (columns, int(row["instrument"]))
            for row, columns in zip(rows, self._shown, strict=True)
            if columns is not None and self._meets(row)
        ]
        if int(self.venue.header["working"][0]) > 0:
            for stage in (OPEN, RANGE, CLOSE):
                for columns, instrument in matched:
                    yield from self._match(columns, instrument, stage, now)
        for at, row in enumerate(rows):
            self._tell(row)
            yield Phase(PhaseKind.FEED, at)
            shown = self._shown[at]
            if self._same_close and shown is not None and self._books["first"][int(row["instrument"])] >= 0:
                yield from self._match(shown, int(row["instrument"]), SAME_CLOSE, now)
                yield Phase(PhaseKind.MARK, at)

    def pass_by(self, rows: NDArray[Any]) -> None:
        """Take trades and quotes that no order can meet: of each instrument the newest ones are all that lasts."""
        kinds = rows["kind"]
        for instrument in np.unique(rows["instrument"]):
            own = rows["instrument"] == instrument
            trades = rows[own & (kinds == int(EventKind.TRADE))]
            if self._match_trades and len(trades):
                for row in trades[-2:]:
                    self._show(row)
                self._tell(trades[-1])
            quotes = rows[own & (kinds == int(EventKind.QUOTE))]
            sound = quotes[(quotes["bid"] > 0.0) & (quotes["bid"] <= quotes["ask"]) & (quotes["ask"] < np.inf)]
            if len(sound):
                self._tell(sound[-1])

    def _match(self, columns: _Columns, instrument: int, stage: int, now: int) -> Iterator[Phase]:
        """Match one bar in one stage, with a pause after every order that has something to report."""
        if self._books["first"][instrument] < 0:
            return
        state, venue, stream = self.state.address, self.venue.address, columns.address
        begin_match(state, venue, stream, stage, now)
        while match_next(venue, stream, stage, now):
            self.collect()
            yield _REPORTS

    def _tell(self, row: Any) -> None:
        """Show the matcher an event that the core is about to take."""
        kind, instrument = int(row["kind"]), int(row["instrument"])
        if kind in {EventKind.BAR, EventKind.TRADE}:
            tell_price(self.venue.address, instrument, float(row["close"]))
        elif kind == EventKind.SPLIT:
            restate_orders(self.venue.address, instrument, float(row["close"]))
            self.collect()
        elif kind == EventKind.QUOTE:
            bid, ask = float(row["bid"]), float(row["ask"])
            if 0.0 < bid <= ask < np.inf:
                book = self._books[instrument]
                book["bid"], book["ask"] = bid, ask
                if self._spreads:
                    book["slippage_value"] = ask - bid
