"""What became of a request that was never answered: asked for until it is proven, never guessed, never repeated.

Found at the broker: adopted. Not found in at least three whole answers over at least the broker's settle time: ABSENT.
An absent entry ends there; for what protects or closes a position the core decides anew from the present position.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from tidemill.kernel.transitions import is_final
from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import BrokerOrder, OrderReport
from tidemill.model.enums import EventKind, OrderState
from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.runtime.account.evidence import incarnations, missing_units, shown_reports, unseen_fills
from tidemill.runtime.account.polling import AccountPoller
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.outgoing import Outgoing

__all__ = ["Resolver"]

_ANSWERS = 3
_SHORTEST_NS = SECOND_NS // 2  # between two questions about one request
_BEFORE_NS = 60 * SECOND_NS  # lists are asked for from that long before the order was decided
_CANCELS = 5  # so often is a cancellation repeated, which does no harm; then a person is called


@dataclass(slots=True)
class _Doubt:
    """One request in question.

    Args:
        item: the request. text: why it is in question.
        asked_ns: monotonic time of the first whole answer. answers: whole answers so far that do not show it.
        next_ns: when to ask again.
    """

    item: Outgoing
    text: str
    next_ns: int
    asked_ns: int = 0
    answers: int = 0
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A whole answer about one order: how the broker shows it, and fills of it that are not booked yet."""

    shown: list[BrokerOrder]
    fills: list[OrderReport]


class Resolver:
    """Resolves requests in question, one after the other.

    Args:
        broker, poller: who is asked, and through whom.
        book: our orders. clock: of the run.
        hear: takes the reports that the proof amounts to.
        write: puts the state of a request into the present transaction.
        send: makes a request durable and queues it.
        alert: told severity, kind and sentence.
    """

    def __init__(
        self,
        broker: Broker,
        poller: AccountPoller,
        book: OrderBook,
        clock: Clock,
        *,
        hear: Callable[[OrderReport], None],
        write: Callable[[Outgoing, str, str], None],
        send: Callable[[Outgoing], None],
        alert: Callable[[int, str, str], None],
    ) -> None:
        self._broker, self._poller, self._book, self._clock = broker, poller, book, clock
        self._hear, self._write, self._send, self._alert = hear, write, send, alert
        self._doubts: dict[str, _Doubt] = {}
        self._wake = asyncio.Event()

    @property
    def open_questions(self) -> int:
        """Return how many requests are in question."""
        return len(self._doubts)

    def doubt(self, item: Outgoing, text: str) -> None:
        """Take a request whose outcome nobody knows; a doubtful order outweighs a doubtful change of it."""
        order = item.order
        if item.broker_id:
            self._write(item, "DONE", "a second incarnation: the next look at the orders shows whether it still lives")
            return
        if order.doubt != "submit":
            order.doubt = item.action
        name = order.request.client_id
        self._alert(2, "UNKNOWN", f"{item.action} of {name}: {text}; asking the broker.")
        known = self._doubts.get(name)
        if known is not None and known.item.action == "submit":
            self._write(item, "DONE", "the order itself is in question; what becomes of it answers this")
            return
        if known is not None and known.item.row.key != item.row.key:
            self._write(known.item, "DONE", f"a later {item.action} is in question; what becomes of it answers this")
        self._doubts[name] = _Doubt(item, text, self._clock.monotonic_ns())
        if item.action == "submit" and order.state is OrderState.SENDING:
            self._hear(OrderReport(EventKind.UNKNOWN, name, ts_ns=self._clock.now_ns(), text=text[:200]))
        self._wake.set()

    def hurry(self, client_id: str) -> None:
        """Ask about an order at once."""
        doubt = self._doubts.get(client_id)
        if doubt is not None:
            doubt.next_ns = 0
            self._wake.set()

    async def serve(self) -> None:
        """Resolve until cancelled."""
        while True:
            self._wake.clear()
            now = self._clock.monotonic_ns()
            for name in list(self._doubts):
                if self._doubts[name].next_ns <= now:
                    await self._ask(name)
            if not self._doubts:
                await self._wake.wait()
            else:
                await self._pause()

    async def _pause(self) -> None:
        left = min(doubt.next_ns for doubt in self._doubts.values()) - self._clock.monotonic_ns()
        try:
            async with asyncio.timeout(max(left, SECOND_NS // 20) / SECOND_NS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _ask(self, name: str) -> None:
        doubt = self._doubts[name]
        evidence = await self._evidence(doubt.item.order)
        now = self._clock.monotonic_ns()
        doubt.next_ns = now + max(self._broker.rules.settle_ns // _ANSWERS, _SHORTEST_NS)
        if evidence is None:
            return
        doubt.asked_ns = doubt.asked_ns or now
        doubt.answers += 1
        is_settled = doubt.answers >= _ANSWERS and now - doubt.asked_ns >= self._broker.rules.settle_ns
        order, action = doubt.item.order, doubt.item.action
        is_known = action == "submit" and bool(order.broker_id) and order.state is not OrderState.UNKNOWN
        if is_known or not order.is_open:
            self._settle(doubt, f"told: {order.state.name}")
        elif evidence.shown or evidence.fills:
            self._found(doubt, evidence, is_settled=is_settled)
        elif is_settled:
            self._absent(doubt)

    async def _evidence(self, order: LiveOrder) -> _Evidence | None:
        """Ask by our id, then for lists of orders, fills and positions; None unless every answer is whole."""
        name = order.request.client_id
        poller, broker, since = self._poller, self._broker, order.request.created_ns - _BEFORE_NS
        shown: list[BrokerOrder] = []
        orders = await poller.ask(broker.orders(since))
        if orders is None:
            return None
        shown = incarnations(orders.items, self._book).get(name, [])
        is_whole = orders.is_complete
        if not shown and broker.rules.finds_by_client_id:
            answer = await poller.ask(_present(broker, name))
            if answer is None:
                return None
            shown = answer
        executions = await poller.ask(broker.executions(since))
        if executions is None:
            return None
        is_whole = is_whole and executions.is_complete
        broker_ids = {item.broker_id for item in shown} | ({order.broker_id} - {""})
        fills = [
            fill
            for fill in unseen_fills(executions.items, self._book)
            if fill.client_id == name or (not fill.client_id and fill.broker_id in broker_ids)
        ]
        if not shown and not fills:
            positions = await poller.ask(broker.positions())
            is_whole = is_whole and positions is not None and positions.is_complete
        return _Evidence(shown, fills) if is_whole or shown or fills else None

    def _found(self, doubt: _Doubt, evidence: _Evidence, *, is_settled: bool) -> None:
        """Adopt what the broker shows."""
        order = doubt.item.order
        for fill in evidence.fills:
            self._hear(fill)
        if not evidence.shown:
            ack = OrderReport(EventKind.ACK, order.request.client_id, evidence.fills[0].broker_id)
            self._hear(replace(ack, ts_ns=evidence.fills[0].ts_ns))
            self._settle(doubt, "found by its fills")
            return
        alive = [item for item in evidence.shown if not is_final(item.state)]
        best = (alive or evidence.shown)[-1]
        if best.state is OrderState.UNKNOWN:
            return
        is_short = bool(missing_units(order, evidence.shown, evidence.fills))
        for report in shown_reports(order, best, is_short=is_short):
            self._hear(report)
        if is_final(best.state) or doubt.item.action in {"submit", "look"}:
            self._settle(doubt, f"found: {best.state.name}")
        elif doubt.item.action == "cancel":
            self._cancel_again(doubt, best)
        else:
            self._replaced(doubt, best, is_settled=is_settled)

    def _cancel_again(self, doubt: _Doubt, shown: BrokerOrder) -> None:
        """Repeat a cancellation that did not work: an order can only be cancelled once."""
        item = doubt.item
        attempt = item.row.attempt + 1
        self._settle(doubt, f"it is still {shown.state.name}")
        if attempt > _CANCELS:
            self._alert(1, "CANCEL", f"{item.order.request.client_id} cannot be cancelled; do it at the broker.")
            stamp = self._clock.now_ns()
            self._hear(OrderReport(EventKind.CANCEL_REFUSED, item.order.request.client_id, ts_ns=stamp))
            return
        key = f"{item.row.key.partition('~')[0]}~{attempt}"
        row = replace(item.row, key=key, attempt=attempt, state="PENDING", text="", sent_ns=0)
        self._send(replace(item, row=row, not_before_ns=self._clock.monotonic_ns() + SECOND_NS // 2))

    def _replaced(self, doubt: _Doubt, shown: BrokerOrder, *, is_settled: bool) -> None:
        """Tell whether a replacement took: the terms at the broker are the new ones, or, settled, still the old."""
        item, name = doubt.item, doubt.item.order.request.client_id
        has_quantity = abs(shown.quantity - (item.order.asked or item.quantity)) < 1e-9
        has_stop = not item.stop_price > 0.0 or abs(shown.stop_price - item.stop_price) < 1e-9
        stamp = shown.updated_ns
        if has_quantity and has_stop:
            self._settle(doubt, "it took")
            self._hear(OrderReport(EventKind.REPLACED, name, shown.broker_id, ts_ns=stamp, quantity=shown.quantity))
        elif is_settled:
            self._settle(doubt, "it did not take")
            self._hear(OrderReport(EventKind.CANCEL_REFUSED, name, shown.broker_id, ts_ns=stamp, text="did not take"))

    def _absent(self, doubt: _Doubt) -> None:
        """The broker has never had it, or has it no longer: proven."""
        item, order = doubt.item, doubt.item.order
        kind = EventKind.ABSENT
        if order.broker_id or order.state is OrderState.CANCEL_PENDING:
            kind = EventKind.CANCELLED  # it was there once, or was to end anyway; fills of it would have been shown
        self._settle(doubt, "proven absent")
        text = f"not shown in {doubt.answers} whole answers"
        self._alert(2, kind.name, f"{item.action} of {order.request.client_id}: {text}.")
        if order.is_open:
            self._hear(OrderReport(kind, order.request.client_id, ts_ns=self._clock.now_ns(), text=text))

    def _settle(self, doubt: _Doubt, text: str) -> None:
        order = doubt.item.order
        order.doubt = ""
        self._doubts.pop(order.request.client_id, None)
        self._write(doubt.item, "DONE", text)
        self._poller.hurry()


async def _present(broker: Broker, client_id: str) -> list[BrokerOrder]:
    """Return the order of our id as a list, empty when it is not shown now."""
    found = await broker.find(client_id)
    return [found] if found is not None else []
