"""The turns of a run: every event goes on the tape, into the core, and its consequences into the transaction.

One event, one turn, nothing in between: this file is the same for backtest bars replayed, paper and live, and it is
what a restart runs again over the recorded tape.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind
from tidemill.model.journal import FillEntry
from tidemill.model.records import EVENT
from tidemill.runtime.core_turns import CoreTurns
from tidemill.runtime.orders.book import BUST, Applied, LiveOrder
from tidemill.runtime.orders.incarnations import BY, RENAMED
from tidemill.runtime.orders.outgoing import decimal_text, order_record
from tidemill.runtime.orders.sizes import follow_size, follow_sizes, is_in_core
from tidemill.runtime.orders.translation import adjust_event, report_event, whole_quantity

__all__ = ["CLOSE_MARKER", "FEED_MARKER", "Turns", "marker_row"]

FEED_MARKER = 1  # the core takes the held row of that number now
CLOSE_MARKER = 2  # positions are valued at that held row's close again


def marker_row(row: int, code: int, now_ns: int) -> NDArray[Any]:
    """Return the tape row that says what becomes of a held row."""
    marker = np.zeros(1, EVENT)
    marker["kind"] = int(EventKind.NONE)
    marker["instrument"] = -1
    marker["now_ns"] = now_ns
    marker["row"] = row
    marker["code"] = code
    return marker


class Turns(CoreTurns):
    """Takes what brokers and people say as well: reports, adjustments, splits; each fill is booked once."""

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
            self._pass_over(applied)
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

    def _pass_over(self, applied: Applied) -> None:
        """Count a report that changes nothing; an order of which nothing is left at the broker is shown as such."""
        self.duplicates += 1
        if applied.order is not None and applied.order.is_gone and not self.journal.is_replaying:
            self.journal.batch.orders.append(order_record(applied.order, self.journal.run_id))

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
