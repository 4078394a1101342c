"""The desk of real brokers: one network call per request, no repeats, every outcome classified.

A request passes the guard at the last moment, then its outbox row turns to SENDING on the disk (the point of no
return), then it leaves once. An answer that proves nothing leaves the order UNKNOWN until the broker's own record
proves what became of it (see ``resolve.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind
from tidemill.model.errors import (
    AmbiguousOutcome,
    BrokerError,
    GuardRefusal,
    LeaseLost,
    RateLimited,
    StoreBusy,
    TransientError,
    UnknownOrder,
)
from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.runtime.guard.send import submit_approved, submit_replacement
from tidemill.runtime.guard.send_guard import Approved
from tidemill.runtime.orders.departures import Departures, is_entry
from tidemill.runtime.orders.desk import Approve
from tidemill.runtime.orders.linking import Links
from tidemill.runtime.orders.outcomes import WAIT_NS, Outcomes
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.present import Health
from tidemill.runtime.record.journal import Journal

__all__ = ["Sender"]


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
        self._health, self._alert = health, alert
        self.departures = Departures()
        self.links: Links | None = None  # what the broker does not link is linked here
        self._outcomes = Outcomes(
            journal, clock, health=health, hear=hear, doubt=doubt, alert=alert, requeue=self._put_first
        )
        self.write = self._outcomes.write
        self._group: asyncio.TaskGroup | None = None  # of the requests under way, while serving
        self._wake = asyncio.Event()
        self.is_open = False  # set once the account is reconciled

    async def release(self, outgoing: list[Outgoing]) -> None:
        """Make a turn durable and queue its requests."""
        new = [item for item in outgoing if not item.is_known]
        if not new:
            return
        leaves = [self._clear(item) for item in new]
        await self._journal.commit()
        for item, leave in zip(new, leaves, strict=True):
            if leave is None:
                self.queue(item)
            elif isinstance(leave, GuardRefusal):
                self._outcomes.refused(item, leave)
            else:
                self._launch(item, leave)
        await self._clock.sleep(0)  # what may leave is on the line before the turn goes on

    def _clear(self, item: Outgoing) -> Approved | GuardRefusal | None:
        """Write a request down; one that may leave at once is approved and claimed in the turn's own transaction.

        Returns:
            the approval of a claimed request, the guard's refusal, or None for a request that has to queue.
        """
        lease = self._journal.lease
        may_leave = self._group is not None and self.is_open and lease is not None
        may_leave &= self.links is None or is_entry(item)  # what is linked by us leaves one by one
        if not may_leave or item.action != "submit" or not self.departures.has_room(item):
            self._outcomes.write(item, "PENDING")
            return None
        if self.links is not None:
            self.links.release(item.order)
        leave = self._approve(item)
        if not isinstance(leave, GuardRefusal) and lease is not None:
            self.departures.flying[item.order.request.client_id] = item
            item.row.sent_ns = item.order.sent_ns = self._clock.now_ns()
            item.row.epoch = lease.epoch
        self._outcomes.write(item, "PENDING" if isinstance(leave, GuardRefusal) else "SENDING")
        return leave

    def _launch(self, item: Outgoing, leave: Approved | None) -> None:
        """Let a request leave in a task of its own."""
        name = item.order.request.client_id
        self.departures.flying[name] = item
        if self._group is not None:
            self._group.create_task(self._fly(item, leave), name=f"send {name}")

    def _put_first(self, item: Outgoing) -> None:
        self.departures.put_first(item)
        self._wake.set()

    def request(self, item: Outgoing) -> None:
        """Take a request that no turn has made; it is made durable before it leaves."""
        self._outcomes.write(item, "PENDING")
        self.queue(item)

    def queue(self, item: Outgoing) -> None:
        """Take a durable request into the queue."""
        self.departures.put(item)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Return how many requests have not left or have not been answered yet."""
        return self.departures.waiting

    def is_busy_with(self, client_id: str) -> bool:
        """Tell whether a request about an order waits or is under way."""
        return self.departures.is_busy_with(client_id)

    def next_report(self) -> OrderReport | None:
        """Return None: what a real broker says comes through the inbox."""
        return None

    async def serve(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            while True:
                self._wake.clear()
                if self.links is not None and self.is_open:
                    self.links.look()
                while (item := self._next()) is not None:
                    self._launch(item, None)
                await self._wait()

    async def _wait(self) -> None:
        """Wait for something to do, or for the end of a pause."""
        pauses = self.departures.pauses
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
        return self.departures.next_item(self._clock.monotonic_ns()) if self.is_open else None

    def wake(self) -> None:
        """Look again at what may leave: something it waits for may have happened."""
        self._wake.set()

    def open_gate(self) -> None:
        """Let requests leave."""
        self.is_open = True
        self._wake.set()

    def close_gate(self) -> None:
        """Keep requests back (lease in doubt); entries among them run out of time."""
        self.is_open = False

    async def _fly(self, item: Outgoing, leave: Approved | None) -> None:
        try:
            if leave is not None:
                await self._call(item, leave)
            else:
                await self._journal.commit()  # what was written without waiting for the disk
                await self._send(item)
            await self._journal.commit()
        finally:
            self.departures.flying.pop(item.order.request.client_id, None)
            self._wake.set()

    async def _send(self, item: Outgoing) -> None:
        order = item.order
        if item.action != "submit" and not order.is_open and not item.broker_id:
            self._outcomes.write(item, "DROPPED", "the order has ended")
            return
        unsent = self.departures.take_submit(item) if item.action == "cancel" else None
        if unsent is not None:
            self._outcomes.drop(unsent, "cancelled before it left", EventKind.CANCELLED)
            self._outcomes.write(item, "DROPPED", "the order had not left")
            return
        if order.is_gone:
            self._outcomes.gone(item)
            return
        if self.links is not None and item.action == "submit":
            self.links.release(order)
        approved = self._approve(item) if item.action != "cancel" else None
        if isinstance(approved, GuardRefusal):
            self._outcomes.refused(item, approved)
            return
        try:
            is_ours = await self._journal.claim(item.row.key)
        except LeaseLost:
            self._outcomes.drop(item, "lease_lost: another engine owns the account", EventKind.REJECT)
            raise
        except StoreBusy as error:  # not claimed, so not sent; an entry runs out of time meanwhile
            self._outcomes.again(item, WAIT_NS, str(error))
            return
        if not is_ours:
            self._alert(1, "NOT_PENDING", f"Request {item.row.key} was not sent: it is not pending any more.")
            return
        item.row.sent_ns = order.sent_ns = self._clock.now_ns()
        item.row.epoch = self._journal.lease.epoch if self._journal.lease is not None else 0
        await self._call(item, approved)

    async def _call(self, item: Outgoing, approved: Approved | None) -> None:
        """Make the one network call and classify what it amounts to."""
        deadline = self._broker.rules.submit_deadline_ns / SECOND_NS
        try:
            async with asyncio.timeout(deadline):
                report = await self._request(item, approved)
        except GuardRefusal as error:  # a halt came between approval and send: nothing left
            self._outcomes.not_sent(item, f"{error.code}: {error}", WAIT_NS)
        except UnknownOrder as error:
            self._outcomes.unknown(item, f"the broker does not know the order: {error}")
        except BrokerError as error:
            self._outcomes.rejected(item, str(error))
        except RateLimited as error:
            self._outcomes.not_sent(item, str(error), round(error.retry_after_s * SECOND_NS))
        except TransientError as error:
            self._health.order_stream_ready = False
            self._outcomes.not_sent(item, str(error), 0)
        except (AmbiguousOutcome, TimeoutError) as error:
            self._outcomes.unknown(item, str(error) or f"no answer within {deadline:g} s")
        else:
            self._outcomes.answered(item, report)

    async def _request(self, item: Outgoing, approved: Approved | None) -> OrderReport | None:
        broker_id = item.broker_id or item.order.broker_id
        if approved is None:
            await self._broker.cancel("" if item.broker_id else item.order.request.client_id, broker_id)
            return None
        if item.action == "submit":
            return await submit_approved(self._broker, approved, self._clock)
        elsewhere = item.order.elsewhere
        item.order.asked = approved.quantity - elsewhere
        return await submit_replacement(self._broker, approved, broker_id, self._clock, elsewhere)
