"""What became of a request that was to leave: written down, told to the core, and sent anew where that is safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind
from tidemill.model.errors import (
    GuardRefusal,
)
from tidemill.ports.seams import Clock
from tidemill.runtime.orders.departures import is_entry
from tidemill.runtime.orders.outgoing import Outgoing, order_record
from tidemill.runtime.orders.present import Health
from tidemill.runtime.record.journal import Journal

__all__ = ["WAIT_NS", "Outcomes"]

_FIRST_PAUSE_NS = SECOND_NS // 2
_LONGEST_PAUSE_NS = 5 * SECOND_NS
# Refusals that time alone may lift: what reduces risk waits for it instead of being given up.
_PASSING = frozenset({"approval_lapsed", "facts", "lease"})
WAIT_NS = SECOND_NS // 4
_ALERT_NS = 30 * SECOND_NS


class Outcomes:
    """Writes down what became of a request, and tells who has to know.

    Args:
        journal: makes it durable. clock: of the run. health: told of rejects.
        hear: takes reports that an outcome amounts to; they come back to the core as events.
        doubt: takes requests whose outcome nobody knows, with the reason.
        alert: told severity, kind and sentence of what a person should know.
        requeue: takes a request that is to leave once more.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        health: Health,
        hear: Callable[[OrderReport], None],
        doubt: Callable[[Outgoing, str], None],
        alert: Callable[[int, str, str], None],
        requeue: Callable[[Outgoing], None],
    ) -> None:
        self._journal, self._clock, self._health = journal, clock, health
        self._hear, self._doubt, self._alert, self._requeue = hear, doubt, alert, requeue
        self._stuck_ns: dict[str, int] = {}  # since when a request waits for the line, monotonic

    def refused(self, item: Outgoing, refusal: GuardRefusal) -> None:
        """Give an entry up that the guard keeps back; what reduces risk waits where time may help."""
        if refusal.code in _PASSING and not is_entry(item):
            self.again(item, WAIT_NS, str(refusal))
            return
        self.drop(item, f"{refusal.code}: {refusal}", EventKind.REJECT)

    def answered(self, item: Outgoing, report: OrderReport | None) -> None:
        """The broker has it, or has ended it."""
        self._stuck_ns.pop(item.order.request.client_id, None)
        if item.action == "submit":
            self._health.rejects_in_row = 0
        self.write(item, "DONE")
        if report is not None:
            self._hear(report)

    def rejected(self, item: Outgoing, text: str) -> None:
        """The broker has refused it, for certain."""
        if item.action == "submit":
            self._health.rejects_in_row += 1
        self.write(item, "DONE", text)
        self._tell(item, text, EventKind.REJECT)
        if item.action != "submit":  # mostly because it has ended, and we have not heard of it
            self._doubt(replace(item, action="look", row=replace(item.row)), text)

    def drop(self, item: Outgoing, text: str, kind: EventKind) -> None:
        """Keep a request back for good and tell the core."""
        self.write(item, "DROPPED", text)
        self._tell(item, text, kind)

    def gone(self, item: Outgoing) -> None:
        """Answer a request about an order of which nothing is left at the broker, without asking there."""
        text = "nothing of it is left at the broker"
        self.write(item, "DROPPED", text)
        kind = EventKind.CANCELLED if item.action == "cancel" else EventKind.CANCEL_REFUSED
        self._hear(OrderReport(kind, item.order.request.client_id, ts_ns=self._clock.now_ns(), text=text))

    def _tell(self, item: Outgoing, text: str, kind: EventKind) -> None:
        if item.broker_id:
            return  # a second incarnation: the order itself has not changed
        kind = kind if item.action == "submit" else EventKind.CANCEL_REFUSED
        self._hear(OrderReport(kind, item.order.request.client_id, ts_ns=self._clock.now_ns(), text=text[:200]))

    def not_sent(self, item: Outgoing, text: str, pause_ns: int) -> None:
        """Nothing arrived, for certain: an entry is over; what reduces risk leaves again, as a new request."""
        if is_entry(item):
            self.drop(item, f"not_sent: {text}", EventKind.REJECT)
            return
        self.write(item, "DROPPED", f"not_sent: {text}")
        attempt = item.row.attempt + 1
        row = replace(item.row, key=f"{item.row.key.partition('~')[0]}~{attempt}", attempt=attempt, state="PENDING")
        again = replace(item, row=row)
        row.text, row.sent_ns = "", 0
        self._journal.batch.outbox.append(replace(row))
        self._note_stuck(item, text)
        pause = min(_FIRST_PAUSE_NS << min(attempt - 1, 5), _LONGEST_PAUSE_NS)
        self.again(again, pause_ns or pause, "")

    def _note_stuck(self, item: Outgoing, text: str) -> None:
        name, now = item.order.request.client_id, self._clock.monotonic_ns()
        since = self._stuck_ns.setdefault(name, now)
        if since >= 0 and now - since > _ALERT_NS:
            self._stuck_ns[name] = -1
            self._alert(1, "NOT_SENT", f"{item.action} of {name} has not been able to leave for 30 s: {text}")

    def again(self, item: Outgoing, pause_ns: int, text: str) -> None:
        """Let a request leave after a pause, before all others."""
        item.not_before_ns = self._clock.monotonic_ns() + pause_ns
        item.row.text = text[:200]
        self._requeue(item)

    def unknown(self, item: Outgoing, text: str) -> None:
        """Nobody knows whether it arrived: it stays so until proven."""
        self.write(item, "UNKNOWN", text)
        self._doubt(item, text)

    def write(self, item: Outgoing, state: str, text: str = "") -> None:
        """Put the state of a request and of its order into the present transaction."""
        item.row.state, item.row.text = state, text[:500]
        batch = self._journal.batch
        batch.outbox.append(replace(item.row))
        batch.orders.append(order_record(item.order, self._journal.run_id))
