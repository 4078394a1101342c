"""A recorded tape fed again to a fresh core: no clock, no exchange, no disk; the same decisions, in memory.

What the core took is on the tape, row by row: market events, reports, people's words, and for groups that a simulated
exchange saw first the markers that tell when their turn came. So the core alone is enough to live a run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.enums import EventKind, Operator
from tidemill.model.journal import Batch, IntentRow
from tidemill.model.records import EVENT
from tidemill.runtime.core import Core
from tidemill.runtime.groups import value_at_close
from tidemill.runtime.market.market import MARKET_KINDS
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.outgoing import Drafter, Outgoing
from tidemill.runtime.orders.translation import ENTRY_TTL_NS
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.record.tape import HELD, LAST
from tidemill.runtime.turns import FEED_MARKER

__all__ = ["Names", "Notebook", "Refeed"]

_BYTES = EVENT.itemsize
_BAR = int(EventKind.BAR)
_NONE = int(EventKind.NONE)
_OPERATOR = int(EventKind.OPERATOR)
_REPORTS = frozenset(
    int(kind)
    for kind in (
        EventKind.ACK,
        EventKind.FILL,
        EventKind.REJECT,
        EventKind.CANCELLED,
        EventKind.EXPIRED,
        EventKind.REPLACED,
        EventKind.CANCEL_REFUSED,
        EventKind.UNKNOWN,
        EventKind.ABSENT,
    )
)


@dataclass(frozen=True, slots=True)
class Names:
    """What a run is called and what its rows mean, as in ``RunTerms``.

    Args:
        run_id, account, build: names.
        symbols, strategies: in the core's order.
        ttl_ns: how long an entry may wait before it leaves.
        is_stepped: orders go to a simulated exchange, which answers within the turn.
    """

    run_id: str
    account: str
    build: str
    symbols: Sequence[str]
    strategies: Sequence[str]
    ttl_ns: int = ENTRY_TTL_NS
    is_stepped: bool = True


class Notebook(Journal):
    """A journal that writes nowhere: what a run would have recorded stays in memory.

    Args:
        run_id, account: whose record it is.
    """

    def __init__(self, run_id: str, account: str) -> None:
        self.run_id, self.account = run_id, account
        self.lease = None
        self.batch = Batch()
        self.committed_seq = 0
        self.commits = 0
        self._next = 1

    @property
    def next_seq(self) -> int:
        """Return the number the next row takes."""
        return self._next

    @property
    def is_replaying(self) -> bool:
        """Return False: nothing is compared here."""
        return False

    def append(self, event: int, mark: int = 0) -> int:  # noqa: ARG002 - the journal's signature
        """Count a row; return its number."""
        self._next += 1
        return self._next - 1

    def extend(self, rows: NDArray[Any], mark: int = 0) -> int:  # noqa: ARG002 - the journal's signature
        """Count rows; return the number of the first."""
        self._next += len(rows)
        return self._next - len(rows)

    def note(self, seq: int, source: str, kind: str, key: str, body: bytes) -> None:
        """Take no note."""

    async def commit(self) -> None:
        """Keep everything in memory."""

    def flush(self) -> None:
        """Keep everything in memory."""


class Refeed:
    """Feeds a tape to a fresh engine and tells what the core does on the way.

    Args:
        engine: fresh, built from the run's own settings.
        names: of the run.
        on_row: told number and wall clock of a tape row before the core takes it.
        on_written: told the tape row whose turn wrote result rows.
        on_outgoing: told the tape row and what its turn wanted to send.
    """

    def __init__(
        self,
        engine: Engine,
        names: Names,
        *,
        on_row: Callable[[int, int], None] | None = None,
        on_written: Callable[[int], None] | None = None,
        on_outgoing: Callable[[int, list[Outgoing]], None] | None = None,
    ) -> None:
        self.core, self.book = Core(engine), OrderBook()
        self.notebook = Notebook(names.run_id, names.account)
        self.taken = 0  # rows of the tape that are behind us
        self.on_turn: Callable[[int, int, bool], None] | None = None  # told index and row around each turn of the core
        self.is_stopped = False
        self._drafter = Drafter(
            self.core,
            self.book,
            self.notebook,
            symbols=list(names.symbols),
            strategies=list(names.strategies),
            build=names.build,
            ttl_ns=names.ttl_ns,
        )
        self._is_stepped = names.is_stepped
        self.on_row, self._on_written, self._on_outgoing = on_row, on_written, on_outgoing
        self._mark_ns = 0  # an instant whose bars are taken and whose equity is not marked yet
        self._held = 0

    @property
    def intents(self) -> list[IntentRow]:
        """Return every order decided so far, as the run would have recorded it."""
        return self.notebook.batch.intents

    def feed(self, tape: NDArray[Any], stop_before: int = 0) -> None:
        """Take a whole tape (TAPE_EVENT rows from number 1 on), or its rows before ``stop_before``.

        A group of bars that is not whole at the end was not looked at by the run either, and is left out.
        """
        self._events = np.ascontiguousarray(tape["event"])
        self._base = int(self._events.ctypes.data)
        kinds, marks = self._events["kind"].tolist(), tape["mark"].tolist()
        walls = tape["wall_ns"].tolist()
        end = min(len(tape), stop_before - 1) if stop_before else len(tape)
        at = self.taken
        while at < end and not self.is_stopped:
            if kinds[at] in MARKET_KINDS:
                stop = at
                while stop < len(tape) and not marks[stop] & LAST:
                    stop += 1
                if stop >= end:
                    break
                self._take_group(at, stop + 1, walls, is_held=bool(marks[at] & HELD))
                at = stop + 1
            else:
                self._take_other(at, kinds[at], walls[at])
                at += 1
            self.taken = at
        if not stop_before and not self.is_stopped:
            self._mark()

    def _take_group(self, first: int, stop: int, walls: list[int], *, is_held: bool) -> None:
        """Take market rows that belong together; those an exchange held wait for their markers."""
        self._mark()
        if self.on_row is not None:
            for at in range(first, stop):
                self.on_row(at + 1, walls[at])
        group = self._events[first:stop]
        is_bar = bool((group["kind"] == _BAR).any())
        if is_held:
            self._held = first
        else:
            for at in range(first, stop):
                self._take(at, at + 1)
        self._mark_ns = int(group["now_ns"][-1]) if is_bar else 0
        if not self._is_stepped:
            self._mark()

    def _take_other(self, at: int, kind: int, wall_ns: int) -> None:
        """Take a report, a word, or a marker."""
        if kind not in _REPORTS and kind != _NONE:
            self._mark()
        if self.on_row is not None:
            self.on_row(at + 1, wall_ns)
        if kind != _NONE:
            self._take(at, at + 1)
            return
        event = self._events[at]
        if int(event["code"]) == FEED_MARKER:
            self._take(self._held + int(event["row"]), at + 1)
        else:
            address = self.core.engine.state.address
            value_at_close(address, int(event["instrument"]), float(event["close"]))

    def _take(self, at: int, seq: int) -> None:
        if self.is_stopped:
            return
        if self.on_turn is not None:
            self.on_turn(at, seq, False)
        event = self._events[at]
        if int(event["kind"]) == _OPERATOR and int(event["code"]) == Operator.DISABLE:
            self.core.disable(int(event["order"]))
        commands = self.core.take(self._base + at * _BYTES)
        if self.core.has_written and self._on_written is not None:
            self._on_written(seq)
        if commands:
            outgoing = self._drafter.draft(seq, commands)
            if outgoing and self._on_outgoing is not None:
                self._on_outgoing(seq, outgoing)
        if self.on_turn is not None:
            self.on_turn(at, seq, True)

    def _mark(self) -> None:
        """Mark the account once everything that belongs to the last instant's bars is taken."""
        if self._mark_ns:
            self.core.mark(self._mark_ns)
            self._mark_ns = 0
