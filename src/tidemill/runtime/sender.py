"""The desk of real brokers: one sender, one network call per request, no repeats, every outcome classified.

A request passes the guard at the last moment, then its outbox row turns to SENDING on the disk (the point of no
return), then it leaves once. An answer that proves nothing leaves the order UNKNOWN until the broker's own record
proves what became of it (see ``resolve.py``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind, Intent, OrderState
from tidemill.model.errors import (
    AmbiguousOutcome,
    BrokerError,
    GuardRefusal,
    LeaseLost,
    OrderRejected,
    TransientError,
    UnknownOrder,
)
from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.runtime.desk import Approve
from tidemill.runtime.guard.send import submit_approved, submit_replacement
from tidemill.runtime.guard.send_guard import Approved
from tidemill.runtime.journal import Journal
from tidemill.runtime.outgoing import Outgoing, order_record

__all__ = ["Sender"]

_MOST_TRIES = 5  # of a request that provably did not arrive; entries run out of time first
_FIRST_PAUSE_S = 0.5


class Sender:
    """Sends what turns decided, protection and cancels first.

    Args:
        broker: where it goes.
        journal: makes it durable before and after.
        approve: the guard, asked at the last moment with present facts.
        clock: of the run.
        hear: takes reports that the answers amount to; they come back to the core as events.
        alert: told severity, kind and sentence of what a person should know.
    """

    def __init__(
        self,
        broker: Broker,
        journal: Journal,
        approve: Approve,
        clock: Clock,
        hear: Callable[[OrderReport], None],
        alert: Callable[[int, str, str], None],
    ) -> None:
        self._broker, self._journal, self._approve, self._clock = broker, journal, approve, clock
        self._hear, self._alert = hear, alert
        self._urgent: deque[Outgoing] = deque()
        self._entries: deque[Outgoing] = deque()
        self._wake = asyncio.Event()
        self.is_open = False  # set once the account is reconciled and the order stream is ready
        self.is_busy = False

    async def release(self, outgoing: list[Outgoing]) -> None:
        """Make a turn durable and queue its requests."""
        new = [item for item in outgoing if not item.is_known]
        if not new:
            return
        for item in new:
            self._write(item, "PENDING")
        await self._journal.commit()
        for item in new:
            self.queue(item)

    def queue(self, item: Outgoing) -> None:
        """Take a durable request into the queue."""
        is_entry = item.action == "submit" and item.order.request.intent is Intent.ENTRY
        (self._entries if is_entry else self._urgent).append(item)
        self._wake.set()

    def next_report(self) -> OrderReport | None:
        """Return None: what a real broker says comes through the inbox."""
        return None

    @property
    def waiting(self) -> int:
        """Return how many requests have not left yet."""
        return len(self._urgent) + len(self._entries) + int(self.is_busy)

    async def serve(self) -> None:
        """Send until cancelled."""
        while True:
            while self.is_open and (self._urgent or self._entries):
                self.is_busy = True
                await self._send((self._urgent or self._entries).popleft())
                self.is_busy = False
            self._wake.clear()
            if self.is_open and (self._urgent or self._entries):
                continue
            await self._wake.wait()

    def open_gate(self) -> None:
        """Let requests leave."""
        self.is_open = True
        self._wake.set()

    def close_gate(self) -> None:
        """Keep requests back (link down, lease in doubt); entries among them run out of time."""
        self.is_open = False

    async def _send(self, item: Outgoing) -> None:
        order = item.order
        if item.action == "submit" and order.state is OrderState.CANCEL_PENDING:
            self._drop(item, "cancelled before it left", EventKind.CANCELLED)
            return
        if item.action != "submit" and not order.is_open:
            self._write(item, "DROPPED", "the order has ended")
            return
        approved = self._approve(item) if item.action != "cancel" else None
        if isinstance(approved, GuardRefusal):
            self._drop(item, f"{approved.code}: {approved}", EventKind.REJECT)
            return
        try:
            is_ours = await self._journal.claim(item.row.key)
        except LeaseLost as error:
            self._drop(item, f"lease_lost: {error}", EventKind.REJECT)
            raise
        if not is_ours:
            self._alert(1, "NOT_PENDING", f"Request {item.row.key} was not sent: it is not pending any more.")
            return
        item.row.attempt += 1
        item.row.sent_ns = order.sent_ns = self._clock.now_ns()
        await self._call(item, approved)

    async def _call(self, item: Outgoing, approved: Approved | None) -> None:
        """Make the one network call and classify what it amounts to."""
        deadline = self._broker.rules.submit_deadline_ns / 1e9
        try:
            async with asyncio.timeout(deadline):
                report = await self._request(item, approved)
        except GuardRefusal as error:  # a halt came between approval and send
            self._drop(item, f"{error.code}: {error}", EventKind.REJECT)
        except OrderRejected as error:
            kind = EventKind.REJECT if item.action == "submit" else EventKind.CANCEL_REFUSED
            self._done(item, OrderReport(kind, item.order.request.client_id, ts_ns=self._now(), text=str(error)))
        except UnknownOrder as error:
            self._unknown(item, f"the broker does not know the order: {error}")
        except TransientError as error:
            await self._not_sent(item, str(error))
        except (AmbiguousOutcome, BrokerError, TimeoutError) as error:
            self._unknown(item, str(error) or f"no answer within {deadline:g} s")
        else:
            self._done(item, report)

    async def _request(self, item: Outgoing, approved: Approved | None) -> OrderReport | None:
        broker_id = item.order.broker_id
        if approved is None:
            await self._broker.cancel(item.order.request.client_id, broker_id)
            return None
        if item.action == "submit":
            return await submit_approved(self._broker, approved, self._clock)
        return await submit_replacement(self._broker, approved, broker_id, self._clock)

    def _now(self) -> int:
        return self._clock.now_ns()

    def _done(self, item: Outgoing, report: OrderReport | None) -> None:
        self._write(item, "DONE")
        if report is not None:
            self._hear(report)

    def _drop(self, item: Outgoing, text: str, kind: EventKind) -> None:
        """Keep a request back for good and tell the core."""
        self._write(item, "DROPPED", text)
        if item.action != "submit":
            kind = EventKind.CANCEL_REFUSED
        self._hear(OrderReport(kind, item.order.request.client_id, ts_ns=self._now(), text=text))

    async def _not_sent(self, item: Outgoing, text: str) -> None:
        """Nothing arrived, for certain: an exit is tried again after a pause, with the same id; an entry is over."""
        is_entry = item.action == "submit" and item.order.request.intent is Intent.ENTRY
        if is_entry or item.row.attempt >= _MOST_TRIES:
            if not is_entry:
                self._alert(1, "NOT_SENT", f"{item.action} of {item.order.request.client_id} could not leave: {text}")
            self._drop(item, f"not_sent: {text}", EventKind.REJECT)
            return
        self._write(item, "PENDING", text)
        await self._journal.commit()
        await self._clock.sleep(_FIRST_PAUSE_S * 2 ** (item.row.attempt - 1))
        self._urgent.appendleft(item)

    def _unknown(self, item: Outgoing, text: str) -> None:
        """Nobody knows whether it arrived: it stays so until proven (``resolve.py``)."""
        self._write(item, "UNKNOWN", text)
        self._alert(2, "UNKNOWN", f"{item.action} of {item.order.request.client_id}: {text}; asking the broker.")
        if item.action == "submit":
            self._hear(OrderReport(EventKind.UNKNOWN, item.order.request.client_id, ts_ns=self._now(), text=text[:200]))

    def _write(self, item: Outgoing, state: str, text: str = "") -> None:
        item.row.state, item.row.text = state, text
        batch = self._journal.batch
        batch.outbox.append(item.row)
        batch.orders.append(order_record(item.order, self._journal.run_id))
