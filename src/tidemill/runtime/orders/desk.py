"""Where requests to trade leave from. This desk serves simulated exchanges, which answer within the call."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import EventKind
from tidemill.model.errors import GuardRefusal, OrderRejected
from tidemill.model.journal import OutboxRow
from tidemill.runtime.guard.send_guard import Approved
from tidemill.runtime.orders.outgoing import Outgoing, order_record
from tidemill.runtime.record.journal import Journal

__all__ = ["Approve", "Desk", "InstantDesk", "SteppedExchange"]

_GATHERED = 256  # orders of one transaction at most

Approve = Callable[[Outgoing], Approved | GuardRefusal]  # the guard's leave, or what stands in the way


class SteppedExchange(Protocol):
    """A simulated exchange that moves only when it is stepped."""

    @property
    def has_work(self) -> bool:
        """Tell whether any order might meet the next market event."""

    @property
    def matches_trades(self) -> bool:
        """Tell whether orders meet trades instead of bars."""

    def pass_by(self, rows: NDArray[Any]) -> None:
        """Take trades and quotes, each an instant of its own, that no order can meet."""

    def phases(self, rows: NDArray[Any]) -> Iterator[Any]:
        """Match a group of events and pause wherever the core has its turn."""

    def accept(self, order: OrderRequest) -> OrderReport:
        """Take an order; the answer is among the reports as well. Raises OrderRejected."""

    def accept_cancel(self, client_id: str) -> None:
        """Take a cancellation."""

    def accept_replace(self, client_id: str, quantity: float, stop_price: float) -> OrderReport:
        """Take a change of quantity and trigger; the answer is among the reports as well. Raises OrderRejected."""

    def take_report(self) -> OrderReport | None:
        """Return the oldest report that waits; its time is the time of what answers it."""

    def tell_time(self, at_ns: int) -> None:
        """Tell the time of a turn that neither market nor report brought."""


class Desk(Protocol):
    """Carries what a turn wants to send."""

    async def release(self, outgoing: list[Outgoing]) -> None:
        """Make the turn durable, then see to it that each request leaves at most once."""

    def next_report(self) -> OrderReport | None:
        """Return the oldest report that came back within the call, None when there is none."""


class InstantDesk:
    """The desk of a simulated exchange: its memory is our record, so a durable request is an accepted one.

    Args:
        exchange: takes the requests.
        journal: makes them durable first.
        approve: the guard, asked right before a request leaves; only a refusal keeps one back.
        known: requests of an earlier process of this run, by key: they are handed over again, never written again.
        may_gather: transactions of several turns may be written together: of a replay, which makes the same turns
            again after any crash, nothing can be lost or doubled by it.
    """

    def __init__(
        self,
        exchange: SteppedExchange,
        journal: Journal,
        approve: Callable[[Outgoing], Approved | GuardRefusal | None],
        known: Mapping[str, OutboxRow],
        *,
        may_gather: bool = False,
    ) -> None:
        self._exchange, self._journal, self._approve, self._known = exchange, journal, approve, known
        self._may_gather = may_gather
        self.gathers = False  # while several turns are written together; no command is answered before
        self._refused: deque[OrderReport] = deque()

    async def release(self, outgoing: list[Outgoing]) -> None:
        """Ask the guard, make the turn durable, hand over what may pass."""
        is_new = False
        for item in outgoing:
            if item.is_known:
                known = self._known.get(item.row.key)
                item.row = known if known is not None else item.row
                continue
            is_new = True
            answer = self._approve(item) if item.action != "cancel" else None
            item.row.state = "DROPPED" if isinstance(answer, GuardRefusal) else "DONE"
            item.row.text = f"{answer.code}: {answer}" if isinstance(answer, GuardRefusal) else ""
            self._journal.batch.outbox.append(item.row)
            self._journal.batch.orders.append(order_record(item.order, self._journal.run_id))
        may_wait = self._may_gather or self.gathers
        if is_new and not (may_wait and len(self._journal.batch.intents) < _GATHERED):
            await self._journal.commit()
        for item in outgoing:
            if item.row.state == "DROPPED":
                self._refused.append(_refusal_report(item))
            else:
                try:
                    self._hand_over(item)
                except OrderRejected as error:
                    item.row.text = str(error)
                    self._refused.append(_refusal_report(item))

    async def gather(self, work: Awaitable[None]) -> None:
        """Do work whose turns are written together, then write them.

        What a market group leads to can be made again from the group, which is on the tape before any of it.
        """
        if self._may_gather or self.gathers:
            await work
            return
        self.gathers = True
        try:
            await work
        finally:
            self.gathers = False
        if self._journal.batch.outbox:
            await self._journal.commit()

    def _hand_over(self, item: Outgoing) -> None:
        name = item.order.request.client_id
        if item.action == "submit":
            self._exchange.accept(item.order.request)
        elif item.action == "cancel":
            self._exchange.accept_cancel(name)
        else:
            self._exchange.accept_replace(name, item.quantity, item.stop_price)

    def next_report(self) -> OrderReport | None:
        """Return what the guard or the exchange refused first, then what the exchange reported, in order."""
        return self._refused.popleft() if self._refused else self._exchange.take_report()


def _refusal_report(item: Outgoing) -> OrderReport:
    """Return what the core hears of a request that the guard kept back."""
    kind = EventKind.REJECT if item.action == "submit" else EventKind.CANCEL_REFUSED
    return OrderReport(kind, item.order.request.client_id, ts_ns=item.order.request.created_ns, text=item.row.text)
