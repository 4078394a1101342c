"""The turns of a run: every event goes on the tape, into the core, and its consequences into the transaction.

One event, one turn, nothing in between: this file is the same for backtest bars replayed, paper and live, and it is
what a restart runs again over the recorded tape.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bookkeeping import Bookkeeper
from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind, Operator
from tidemill.model.journal import FillEntry
from tidemill.model.records import EVENT
from tidemill.runtime.core import Command, Core
from tidemill.runtime.orders.book import BUST, Applied, LiveOrder, OrderBook
from tidemill.runtime.orders.incarnations import BY, RENAMED
from tidemill.runtime.orders.outgoing import Drafter, Outgoing, decimal_text, order_record
from tidemill.runtime.orders.sizes import follow_size, follow_sizes, is_in_core
from tidemill.runtime.orders.translation import adjust_event, report_event, whole_quantity
from tidemill.runtime.record.journal import Journal

__all__ = ["CLOSE_MARKER", "FEED_MARKER", "Release", "Turns", "marker_row"]

FEED_MARKER = 1  # the core takes the held row of that number now
CLOSE_MARKER = 2  # positions are valued at that held row's close again

Release = Callable[[list[Outgoing]], Awaitable[None]]


def marker_row(row: int, code: int, now_ns: int) -> NDArray[Any]:
    """Return the tape row that says what becomes of a held row."""
    marker = np.zeros(1, EVENT)
    marker["kind"] = int(EventKind.NONE)
    marker["instrument"] = -1
    marker["now_ns"] = now_ns
    marker["row"] = row
    marker["code"] = code
    return marker


class Turns:
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

    async def take_report(self, report: OrderReport, now_ns: int, source: str = "broker") -> Applied:
        """Take what the broker says about an order: exactly once, whatever the order it comes in."""
        if report.kind is EventKind.FILL and report.fill_kind == "real":
            await self._undo_synthetic(report, now_ns)
        known = self.book.find(report.client_id, report.broker_id)
        former = known.broker_id if known is not None else ""
        if known is not None and (known.elsewhere or known.withheld) and source != "tape":
            report = whole_quantity(report, known)
        applied = self.book.apply(report)
        for flag in applied.flags:
            self._alert_flag(flag, report, applied)
        if not applied.is_new:
            self.duplicates += 1
            return applied
        order = applied.order
        if order is None:
            self.quarantined += 1
            return applied
        rows = self.core.engine.state.tables["orders"]
        is_late = applied.is_late or (report.kind is EventKind.FILL and not is_in_core(rows, order))
        row = (adjust_event if is_late else report_event)(report, order, now_ns)
        address = int(row.ctypes.data)
        seq = self.journal.append(address)
        self._write(report, order, seq, source, former)
        if report.kind is EventKind.FILL:
            self._book_fill(report, order, seq, applied.flags, is_known=self.journal.is_known(seq))
        self.events += 1
        commands = self.core.take(address)
        if self.core.has_written:
            self._follow(seq)
        if report.kind is EventKind.FILL:
            follow_sizes(rows, self.book, order)
        elif report.kind is EventKind.REPLACED:
            follow_size(rows, order)
        if commands:
            outgoing = self._drafter.draft(seq, commands)
            if outgoing:
                await self._release(outgoing)
        return applied

    def _write(self, report: OrderReport, order: LiveOrder, seq: int, source: str, former: str) -> None:
        """Put a report, and where its order stands now, into the transaction; ``former``: the broker's name before."""
        journal, name = self.journal, order.request.client_id
        if journal.is_known(seq):
            return
        journal.note(seq, source, report.kind.name, report.exec_id or name, _body(report))
        journal.batch.orders.append(order_record(order, journal.run_id))
        if former and order.broker_id != former:
            journal.note(seq, source, RENAMED, name, former.encode())

    async def _undo_synthetic(self, report: OrderReport, now_ns: int) -> None:
        """Take back what we made up for want of the broker's own fills, now that one of them is here."""
        order = self.book.find(report.client_id, report.broker_id)
        if order is None or report.exec_id in self.book.executions:
            return
        for made_up in list(order.synthetic.values()):
            bust = replace(made_up, exec_id=made_up.exec_id + BUST, fill_kind="bust", ts_ns=report.ts_ns)
            await self.take_report(bust, now_ns, "engine")

    def restate(self, instrument: int, ratio: float, seq: int) -> None:
        """Restate our working orders of an instrument after a split (new units per old), as the core has done.

        Args:
            instrument, ratio: of the split. seq: its tape row; what was decided by it is in new units already.
        """
        rows = self.core.engine.state.tables["orders"]
        for order in self.book.live.values():
            if order.instrument != instrument or order.seq >= seq:
                continue
            row = rows[order.row]
            is_same = int(row["id"]) == order.request.number
            order.quantity = float(row["quantity"]) if is_same else order.quantity * ratio
            order.filled = float(row["filled"]) if is_same else order.filled * ratio
            order.wanted = (order.wanted[0] * ratio, order.wanted[1] / ratio)

    async def take_adjustment(self, fill: FillEntry, row: NDArray[Any], source: str = "engine", key: str = "") -> None:
        """Book a change of position that no order of ours explains: an ADJUST row, and the fill it stands for."""
        address = int(row.ctypes.data)
        seq = self.journal.append(address)
        fill.seq = seq
        is_known = self.journal.is_known(seq)
        self.book.executions.add(fill.exec_id)
        if not is_known:
            body = json.dumps(asdict(fill), sort_keys=True).encode()
            self.journal.note(seq, source, "ADJUST", key or fill.exec_id, body)
        entries = self._keeper.book(fill)
        if not is_known:
            self.journal.batch.fills.append(fill)
            self.journal.batch.ledger += entries
        await self.take(address, seq)

    def _book_fill(
        self, report: OrderReport, order: LiveOrder, seq: int, flags: tuple[str, ...], *, is_known: bool
    ) -> None:
        """Write a fill and what it moves; the bookkeeper sees also those that are written already."""
        request, journal = order.request, self.journal
        fill = FillEntry(
            broker=self._broker,
            account=journal.account,
            exec_id=report.exec_id,
            run_id=journal.run_id,
            client_id=request.client_id,
            symbol=request.symbol,
            side=request.side.name,
            quantity=decimal_text(report.quantity),
            price=decimal_text(report.price),
            fee_micros=report.fee_micros,
            ts_ns=report.ts_ns,
            seq=seq,
            kind=report.fill_kind,
            strategy=order.strategy,
            flags=" ".join(flags),
        )
        entries = self._keeper.book(fill)
        if not is_known:
            journal.batch.fills.append(fill)
            journal.batch.ledger += entries

    def _alert_flag(self, flag: str, report: OrderReport, applied: Applied) -> None:
        """Tell a person what is odd about a report."""
        if flag == "DUPLICATE" or flag.startswith(BY):
            return
        order = applied.order
        name = order.request.client_id if order is not None else report.client_id or report.broker_id
        severity = 1 if flag in {"OVERFILL", "BACK_FROM_ABSENT", "EXTERNAL"} else 2
        text = f"{report.kind.name} for order {name}: {flag.replace('_', ' ').lower()}. {report.text}".strip()
        if flag == "BACK_FROM_ABSENT" and order is not None:
            self.book.adopt(order)
        if not self.journal.is_replaying:
            self._alert(severity, flag, text)


def _plain(value: Any) -> int | float | None:
    item = value.item()
    return None if isinstance(item, float) and item != item else item  # noqa: PLR0124 - NaN


def _body(report: OrderReport) -> bytes:
    """Return a report as it goes on the store's tape: its raw message where the broker gave one."""
    if report.raw:
        return report.raw
    values = {
        "kind": report.kind.name,
        "client_id": report.client_id,
        "broker_id": report.broker_id,
        "ts_ns": report.ts_ns,
        "exec_id": report.exec_id,
        "quantity": report.quantity,
        "price": None if report.price != report.price else report.price,
        "fee_micros": report.fee_micros,
        "text": report.text,
    }
    return json.dumps(values, sort_keys=True).encode()
