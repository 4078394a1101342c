"""What the core does with one event: it goes on the tape, into the core, and what the core wants goes out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bookkeeping import Bookkeeper
from tidemill.model.enums import EventKind, Operator
from tidemill.model.records import EVENT
from tidemill.runtime.core import Command, Core
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.outgoing import Drafter, Outgoing
from tidemill.runtime.record.journal import Journal

__all__ = ["CoreTurns", "Release"]

Release = Callable[[list[Outgoing]], Awaitable[None]]


class CoreTurns:
    """Takes events one by one.

    Args:
        core, book, journal, drafter: what a turn reads and writes.
        broker: name of the broker, on every fill.
        keeper: turns fills into ledger entries.
        release: carries what a turn wants to send; it commits first.
        follow: told the tape row after every turn that wrote result rows (read tables, streams, screens).
        alert: told severity, kind and sentence of what a person should know.
    """

    def __init__(
        self,
        core: Core,
        book: OrderBook,
        journal: Journal,
        drafter: Drafter,
        *,
        broker: str,
        keeper: Bookkeeper,
        release: Release,
        follow: Callable[[int], None],
        alert: Callable[[int, str, str], None],
    ) -> None:
        self.core, self.book, self.journal = core, book, journal
        self._drafter, self._broker, self._keeper = drafter, broker, keeper
        self._release, self._follow, self._alert = release, follow, alert
        self.tells_at_once = True  # a replay lets proposals and signals wait for the next transaction
        self.events = 0
        self.quarantined = 0
        self.duplicates = 0

    async def take(self, event: int, seq: int) -> None:
        """Let the core take the EVENT row at an address, which stands on the tape as ``seq``."""
        self.events += 1
        await self._carry(seq, self.core.take(event))

    async def take_rows(self, address: int, stride: int, count: int, first: int) -> None:
        """Let the core take EVENT rows that lie so many bytes apart and stand on the tape from ``first`` on."""
        done = 0
        while done < count:
            rows, commands = self.core.take_rows(address + done * stride, stride, count - done)
            self.events += rows
            done += rows
            await self._carry(first + done - 1, commands)

    async def take_recorded(self, address: int, stride: int, count: int, taken: Callable[[int], None]) -> int:
        """Let the core take recorded rows up to the first whose turn is not quiet; return how many.

        Args:
            address: of the next recorded row's event. stride: bytes from one to the next.
            taken: told how many before anything they led to is carried out.
        """
        rows, commands = self.core.take_rows(address, stride, count)
        self.events += rows
        taken(rows)
        await self._carry(self.journal.pass_on(rows), commands)
        return rows

    async def _carry(self, seq: int, commands: list[Command]) -> None:
        """Have what a turn led to written and sent."""
        if self.core.has_written or (commands and self._has_new_terms()):
            self._follow(seq)
        if commands:
            outgoing = self._drafter.draft(seq, commands)
            if outgoing:
                self._note_decision(seq, outgoing)
                await self._release(outgoing)
            elif self.tells_at_once:  # a gate or a person waits for a proposal or a signal
                await self.journal.commit()

    def _has_new_terms(self) -> bool:
        """Tell whether the turn was a person's word on the protection of a position."""
        event = self.core.engine.event[0]
        return bool(event["kind"] == EventKind.OPERATOR and event["code"] == Operator.PROTECT)

    def _note_decision(self, seq: int, outgoing: list[Outgoing]) -> None:
        """Put a decision on the store's tape together with the inputs it was made on."""
        if self.journal.is_known(seq):
            return
        event = self.core.engine.event[0]
        names = EVENT.names or ()
        body = {
            "orders": [item.row.key for item in outgoing],
            "event": {name: _plain(event[name]) for name in names},
        }
        self.journal.note(seq, "core", "decision", outgoing[0].row.key, json.dumps(body, sort_keys=True).encode())

    async def take_row(self, row: NDArray[Any], *, source: str, kind: str, key: str = "", body: bytes = b"") -> int:
        """Put one event that is no bulk market data on both tapes and let the core take it."""
        address = int(row.ctypes.data)
        seq = self.journal.append(address)
        self.journal.note(seq, source, kind, key, body)
        if int(row["kind"][0]) == EventKind.OPERATOR and int(row["code"][0]) == Operator.DISABLE:
            self.core.disable(int(row["order"][0]))
        await self.take(address, seq)
        return seq

    async def take_operator(
        self, code: Operator, by: str, reason: str, now_ns: int, key: str = "", order: int = 0
    ) -> None:
        """Obey a person (or the watchdog): no rule is asked."""
        row = np.zeros(1, EVENT)
        row["kind"] = int(EventKind.OPERATOR)
        row["instrument"] = -1
        row["ts_ns"] = row["now_ns"] = now_ns
        row["code"] = int(code)
        row["order"] = order
        body = json.dumps({"by": by, "reason": reason}).encode()
        await self.take_row(row, source=f"person:{by}", kind=code.name, key=key, body=body)


def _plain(value: Any) -> int | float | None:
    item = value.item()
    return None if isinstance(item, float) and item != item else item  # noqa: PLR0124 - NaN
