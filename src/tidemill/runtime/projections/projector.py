"""The read tables of a run, kept by the run loop itself: same transaction as the facts, same rows when made again.

Rows depend on the tape alone: on what the core booked, and on the wall clock that each tape row carries (open
positions are written again once a second of it). So a tape fed again gives the very same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from tidemill.model.bars import HOUR_NS, SECOND_NS
from tidemill.model.instrument import Instrument
from tidemill.model.journal import Batch
from tidemill.runtime.core import Core, Written
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.projections.holdings import Holdings
from tidemill.runtime.projections.sheet import Sheet
from tidemill.runtime.projections.signals import Signals
from tidemill.runtime.projections.trips import Risk, Trips

__all__ = ["Projector"]


class Projector:
    """Turns what the core books into rows of the read tables.

    Args:
        core, book: of the run.
        run_id, account, mode: names. instruments, strategies: in the core's order.
        cash_micros: of the sub-ledger at its start.
        known_seq: tape rows up to here have their read rows in the store already.
    """

    def __init__(
        self,
        core: Core,
        book: OrderBook,
        *,
        run_id: str,
        account: str,
        mode: str,
        instruments: Sequence[Instrument],
        strategies: Sequence[str],
        cash_micros: int,
        known_seq: int = 0,
    ) -> None:
        self.sheet = Sheet(core, book, run_id, account, mode, instruments, strategies, cash_micros, known_seq)
        self._holdings = Holdings(self.sheet)
        self._trips, self._signals = Trips(self.sheet), Signals(self.sheet)
        self._risk = Risk(self.sheet, self._holdings)
        self._wall_ns = self._due_ns = 0
        self._hour_ends_ns = 0
        self.skim_until_ns = 0  # rows of a wall clock up to here lead to no rows that later ones replace

    def take_row(self, seq: int, wall_ns: int) -> None:
        """Look at the run right before the tape row of that number and wall clock joins the tape."""
        self.sheet.seq = seq
        self._signals.take_orders()
        if wall_ns == self._wall_ns:  # rows that came together: what lies between them was not looked at
            return
        self._wall_ns = wall_ns
        self._signals.take_halt()
        now = self.sheet.now_ns
        if now >= self._hour_ends_ns > 0:
            self._holdings.write_snapshot()
        if now >= self._hour_ends_ns and now > 0:
            self._hour_ends_ns = (now // HOUR_NS + 1) * HOUR_NS
        if wall_ns >= self._due_ns and now > 0:
            self._due_ns = wall_ns + SECOND_NS
            if wall_ns > self.skim_until_ns:
                self._write_now()
            else:
                self._holdings.look()

    def next_look(self, wall_ns: NDArray[Any], now_ns: NDArray[Any]) -> int:
        """Return how many rows may join the tape from the one looked at last on, until the next has to be looked at.

        Args:
            wall_ns, now_ns: of these rows, the one that was looked at first.
        """
        after = wall_ns[1:]
        is_due = after >= self._due_ns
        is_due |= now_ns[:-1] >= self._hour_ends_ns
        if self._signals.is_behind:
            is_due[:] = True
        is_due &= after != wall_ns[:-1]
        first = int(is_due.argmax()) if len(is_due) else 0
        return first + 1 if len(is_due) and is_due[first] else len(wall_ns)

    def passed(self, wall_ns: int) -> None:
        """Take note of the wall clock of the last row that joined the tape without being looked at."""
        self._wall_ns = wall_ns

    def _write_now(self) -> None:
        self._holdings.signals_today = self._signals.today
        self._holdings.write_open()

    def follow(self, seq: int, written: Written) -> None:
        """Take what the core booked in the turn of a tape row."""
        self.sheet.seq = seq
        self._signals.take_orders()
        self._risk.take_days()
        for refusal in written.refusals:
            self._signals.take_refusal(refusal)
        for number, fill in enumerate(written.fills):
            strategy, instrument = int(fill["strategy"]), int(fill["instrument"])
            closed = written.trips[number] if number < len(written.trips) else None
            self._signals.take_fill(fill)
            self._holdings.note_fee(strategy, instrument, int(fill["fee"]))
            self._trips.take_fill(fill, closed)
            if closed is not None:
                self._risk.take_trip(self._trips.closed, int(closed["pnl"]))
                self._signals.take_trip(self._trips.closed, closed)
            self._holdings.write_position(strategy, instrument)
        for order in written.orders:
            self._signals.take_end(order)
        if not (len(written.fills) or len(written.orders) or len(written.refusals)):
            self._trips.take_terms()
        if len(written.fills):
            self._holdings.signals_today = self._signals.today
            self._holdings.write_account()

    def settle(self) -> None:
        """Take the orders of the last turn."""
        self._signals.take_orders()

    def finish(self) -> None:
        """Write positions and account as they stand at the end."""
        self.settle()
        self._write_now()

    def flush(self, batch: Batch) -> None:
        """Put what waits into a transaction."""
        self.settle()
        if self.sheet.waiting:
            batch.projections.extend(self.sheet.waiting.values())
            self.sheet.waiting.clear()
