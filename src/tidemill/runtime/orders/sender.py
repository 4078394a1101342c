"""The desk of real brokers: one network call per request, no repeats, every outcome classified.

A request passes the guard at the last moment, then its outbox row turns to SENDING on the disk (the point of no
return), then it leaves once. An answer that proves nothing leaves the order UNKNOWN until the broker's own record
proves what became of it (see ``resolve.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind
from tidemill.model.errors import (
    AmbiguousOutcome,
    BrokerError,
    GuardRefusal,
    LeaseLost,
    RateLimited,
    TransientError,
    UnknownOrder,
)
from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.runtime.guard.send import submit_approved, submit_replacement
from tidemill.runtime.guard.send_guard import Approved
from tidemill.runtime.orders.departures import Departures, is_entry
from tidemill.runtime.orders.desk import Approve
from tidemill.runtime.orders.outgoing import Outgoing, order_record
from tidemill.runtime.orders.present import Health
from tidemill.runtime.record.journal import Journal

__all__ = ["Sender"]

_FIRST_PAUSE_NS = SECOND_NS // 2
_LONGEST_PAUSE_NS = 5 * SECOND_NS
# Refusals that time alone may lift: what reduces risk waits for it instead of being given up.
_PASSING = frozenset({"approval_lapsed", "facts", "lease"})
_WAIT_NS = SECOND_NS // 4
_ALERT_NS = 30 * SECOND_NS


class Sender:
    """Sends what turns decided, protection and cancels first; requests about one order leave one after the other.

    Args:
        broker: where it goes.
        journal: makes it durable before and after.
        approve: the guard, asked at the last moment with present facts.
        clock: of the run.
        health: told of rejects and of the line.
        hear: takes reports that the answers amount to; they come back to the core as events.
        doubt: takes requests whose outcome nobody knows, with the reason.
        alert: told severity, kind and sentence of what a person should know.
    """

    def __init__(
        self,
        broker: Broker,
        journal: Journal,
        approve: Approve,
        clock: Clock,
        *,
        health: Health,
        hear: Callable[[OrderReport], None],
        doubt: Callable[[Outgoing, str], None],
        alert: Callable[[int, str, str], None],
    ) -> None:
        self._broker, self._journal, self._approve, self._clock = broker, journal, approve, clock
        self._health, self._hear, self._doubt, self._alert = health, hear, doubt, alert
        self._departures = Departures()
        self._stuck_ns: dict[str, int] = {}  # since when a request waits for the line, monotonic
        self._wake = asyncio.Event()
        self.is_open = False  # set once the account is reconciled

    async def release(self, outgoing: list[Outgoing]) -> None:
        """Make a turn durable and queue its requests."""
        new = [item for item in outgoing if not item.is_known]
        if not new:
            return
        for item in new:
            self.write(item, "PENDING")
        await self._journal.commit()
        for item in new:
            self.queue(item)

    def request(self, item: Outgoing) -> None:
        """Take a request that no turn has made; it is made durable before it leaves."""
        self.write(item, "PENDING")
        self.queue(item)

    def queue(self, item: Outgoing) -> None:
        """Take a durable request into the queue."""
        self._departures.put(item)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Return how many requests have not left or have not been answered yet."""
        return self._departures.waiting

    def is_busy_with(self, client_id: str) -> bool:
        """Tell whether a request about an order waits or is under way."""
        return self._departures.is_busy_with(client_id)

    def next_report(self) -> OrderReport | None:
        """Return None: what a real broker says comes through the inbox."""
        return None

    async def serve(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                while (item := self._next()) is not None:
                    name = item.order.request.client_id
                    self._departures.flying[name] = item
                    group.create_task(self._fly(item), name=f"send {name}")
                await self._wait()

    async def _wait(self) -> None:
        """Wait for something to do, or for the end of a pause."""
        pauses = self._departures.pauses
        if not pauses:
            await self._wake.wait()
            return
        left = max(min(pauses) - self._clock.monotonic_ns(), SECOND_NS // 100)
        try:
            async with asyncio.timeout(left / SECOND_NS):
                await self._wake.wait()
        except TimeoutError:
            return

    def _next(self) -> Outgoing | None:
        return self._departures.next_item(self._clock.monotonic_ns()) if self.is_open else None

    def open_gate(self) -> None:
        """Let requests leave."""
        self.is_open = True
        self._wake.set()

    def close_gate(self) -> None:
        """Keep requests back (lease in doubt); entries among them run out of time."""
        self.is_open = False

    async def _fly(self, item: Outgoing) -> None:
        try:
            await self._journal.commit()  # what was written without waiting for the disk
            await self._send(item)
            await self._journal.commit()
        finally:
            self._departures.flying.pop(item.order.request.client_id, None)
            self._wake.set()

    async def _send(self, item: Outgoing) -> None:
        order = item.order
        if item.action != "submit" and not order.is_open and not item.broker_id:
            self.write(item, "DROPPED", "the order has ended")
            return
        unsent = self._departures.take_submit(item) if item.action == "cancel" else None
        if unsent is not None:
            self._drop(unsent, "cancelled before it left", EventKind.CANCELLED)
            self.write(item, "DROPPED", "the order had not left")
            return
        approved = self._approve(item) if item.action != "cancel" else None
        if isinstance(approved, GuardRefusal):
            self._refused(item, approved)
            return
        try:
            is_ours = await self._journal.claim(item.row.key)
        except LeaseLost:
            self._drop(item, "lease_lost: another engine owns the account", EventKind.REJECT)
            raise
        if not is_ours:
            self._alert(1, "NOT_PENDING", f"Request {item.row.key} was not sent: it is not pending any more.")
            return
        item.row.sent_ns = order.sent_ns = self._clock.now_ns()
        item.row.epoch = self._journal.lease.epoch if self._journal.lease is not None else 0
        await self._call(item, approved)

    def _refused(self, item: Outgoing, refusal: GuardRefusal) -> None:
        """Give an entry up that the guard keeps back; what reduces risk waits where time may help."""
        if refusal.code in _PASSING and not is_entry(item):
            self._again(item, _WAIT_NS, str(refusal))
            return
        self._drop(item, f"{refusal.code}: {refusal}", EventKind.REJECT)

    async def _call(self, item: Outgoing, approved: Approved | None) -> None:
        """Make the one network call and classify what it amounts to."""
        deadline = self._broker.rules.submit_deadline_ns / SECOND_NS
        try:
            async with asyncio.timeout(deadline):
                report = await self._request(item, approved)
        except GuardRefusal as error:  # a halt came between approval and send: nothing left
            self._not_sent(item, f"{error.code}: {error}", _WAIT_NS)
        except UnknownOrder as error:
            self._unknown(item, f"the broker does not know the order: {error}")
        except BrokerError as error:
            self._rejected(item, str(error))
        except RateLimited as error:
            self._not_sent(item, str(error), round(error.retry_after_s * SECOND_NS))
        except TransientError as error:
            self._health.order_stream_ready = False
            self._not_sent(item, str(error), 0)
        except (AmbiguousOutcome, TimeoutError) as error:
            self._unknown(item, str(error) or f"no answer within {deadline:g} s")
        else:
            self._answered(item, report)

    async def _request(self, item: Outgoing, approved: Approved | None) -> OrderReport | None:
        broker_id = item.broker_id or item.order.broker_id
        if approved is None:
            await self._broker.cancel("" if item.broker_id else item.order.request.client_id, broker_id)
            return None
        if item.action == "submit":
            return await submit_approved(self._broker, approved, self._clock)
        return await submit_replacement(self._broker, approved, broker_id, self._clock)

    def _answered(self, item: Outgoing, report: OrderReport | None) -> None:
        self._stuck_ns.pop(item.order.request.client_id, None)
        if item.action == "submit":
            self._health.rejects_in_row = 0
        self.write(item, "DONE")
        if report is not None:
            self._hear(report)

    def _rejected(self, item: Outgoing, text: str) -> None:
        if item.action == "submit":
            self._health.rejects_in_row += 1
        self.write(item, "DONE", text)
        self._tell(item, text, EventKind.REJECT)
        if item.action != "submit":  # mostly because it has ended, and we have not heard of it
            self._doubt(replace(item, action="look", row=replace(item.row)), text)

    def _drop(self, item: Outgoing, text: str, kind: EventKind) -> None:
        """Keep a request back for good and tell the core."""
        self.write(item, "DROPPED", text)
        self._tell(item, text, kind)

    def _tell(self, item: Outgoing, text: str, kind: EventKind) -> None:
        if item.broker_id:
            return  # a second incarnation: the order itself has not changed
        kind = kind if item.action == "submit" else EventKind.CANCEL_REFUSED
        self._hear(OrderReport(kind, item.order.request.client_id, ts_ns=self._clock.now_ns(), text=text[:200]))

    def _not_sent(self, item: Outgoing, text: str, pause_ns: int) -> None:
        """Nothing arrived, for certain: an entry is over; what reduces risk leaves again, as a new request."""
        if is_entry(item):
            self._drop(item, f"not_sent: {text}", EventKind.REJECT)
            return
        self.write(item, "DROPPED", f"not_sent: {text}")
        attempt = item.row.attempt + 1
        row = replace(item.row, key=f"{item.row.key.partition('~')[0]}~{attempt}", attempt=attempt, state="PENDING")
        again = replace(item, row=row)
        row.text, row.sent_ns = "", 0
        self._journal.batch.outbox.append(replace(row))
        self._note_stuck(item, text)
        pause = min(_FIRST_PAUSE_NS << min(attempt - 1, 5), _LONGEST_PAUSE_NS)
        self._again(again, pause_ns or pause, "")

    def _note_stuck(self, item: Outgoing, text: str) -> None:
        name, now = item.order.request.client_id, self._clock.monotonic_ns()
        since = self._stuck_ns.setdefault(name, now)
        if since >= 0 and now - since > _ALERT_NS:
            self._stuck_ns[name] = -1
            self._alert(1, "NOT_SENT", f"{item.action} of {name} has not been able to leave for 30 s: {text}")

    def _again(self, item: Outgoing, pause_ns: int, text: str) -> None:
        item.not_before_ns = self._clock.monotonic_ns() + pause_ns
        item.row.text = text[:200]
        self._departures.put_first(item)
        self._wake.set()

    def _unknown(self, item: Outgoing, text: str) -> None:
        """Nobody knows whether it arrived: it stays so until proven."""
        self.write(item, "UNKNOWN", text)
        self._doubt(item, text)

    def write(self, item: Outgoing, state: str, text: str = "") -> None:
        """Put the state of a request and of its order into the present transaction."""
        item.row.state, item.row.text = state, text[:500]
        batch = self._journal.batch
        batch.outbox.append(replace(item.row))
        batch.orders.append(order_record(item.order, self._journal.run_id))
