"""The run's orders as the outside knows them: client ids, states, what is filled, what is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tidemill.kernel.transitions import MOVES, QUARANTINE, STAY, is_final
from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderState

__all__ = ["Applied", "LiveOrder", "OrderBook"]

_CROSSING = (OrderState.CANCEL_PENDING, OrderState.REPLACE_PENDING)
_TINY = 1e-9


@dataclass(slots=True)
class LiveOrder:
    """One of our orders.

    Args:
        request: as it was decided.
        instrument: row of the instrument table.
        row: where the core keeps it, a hint.
        strategy: name of the strategy whose it is.
        seq, leg: where on the tape it was decided.
    """

    request: OrderRequest
    instrument: int
    row: int
    strategy: str
    seq: int = 0
    leg: int = 0
    state: OrderState = OrderState.CREATED
    quantity: float = 0.0
    filled: float = 0.0
    value: float = 0.0
    broker_id: str = ""
    updated_ns: int = 0
    sent_ns: int = 0
    text: str = ""

    @property
    def remaining(self) -> float:
        """Return the units that may still fill."""
        return max(self.quantity - self.filled, 0.0)

    @property
    def is_open(self) -> bool:
        """Tell whether it may still fill, as far as we know."""
        return not is_final(self.state)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a report did: which order it concerns, what is odd about it, and whether the core is to hear of it."""

    order: LiveOrder | None
    is_new: bool
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class OrderBook:
    """All orders of a run by client id and by the core's number; ended ones are kept for late reports."""

    by_client: dict[str, LiveOrder] = field(default_factory=dict)
    by_number: dict[int, LiveOrder] = field(default_factory=dict)
    by_broker: dict[str, LiveOrder] = field(default_factory=dict)
    executions: set[str] = field(default_factory=set)
    live: dict[str, LiveOrder] = field(default_factory=dict)

    def add(self, order: LiveOrder) -> None:
        """Take in a new order."""
        self.by_client[order.request.client_id] = order
        self.by_number[order.request.number] = order
        self.live[order.request.client_id] = order

    def open_orders(self) -> Iterator[LiveOrder]:
        """Return the orders that may still fill."""
        return iter(list(self.live.values()))

    def unknown(self) -> list[LiveOrder]:
        """Return the orders of which nobody knows whether they live."""
        return [order for order in self.live.values() if order.state is OrderState.UNKNOWN]

    def find(self, client_id: str, broker_id: str = "") -> LiveOrder | None:
        """Return an order by our id, else by the broker's."""
        order = self.by_client.get(client_id) if client_id else None
        return order or (self.by_broker.get(broker_id) if broker_id else None)

    def apply(self, report: OrderReport) -> Applied:
        """Take a report: fills beat states, a repeated report changes nothing, nothing is ever ignored in silence."""
        order = self.find(report.client_id, report.broker_id)
        if report.kind is EventKind.FILL:
            return self._fill(order, report)
        if order is None:
            return Applied(None, is_new=True, flags=("EXTERNAL",))
        if report.broker_id and not order.broker_id:
            order.broker_id = report.broker_id
            self.by_broker[report.broker_id] = order
        before = order.state
        move = int(MOVES[before, report.kind])
        order.updated_ns = max(order.updated_ns, report.ts_ns)
        order.text = report.text or order.text
        if move == QUARANTINE:
            return Applied(order, is_new=True, flags=(_oddity(before),))
        if report.kind is EventKind.REPLACED and report.quantity > 0.0:
            order.quantity = report.quantity
        if move == STAY:
            return Applied(order, is_new=report.kind in {EventKind.REPLACED, EventKind.CANCEL_REFUSED})
        if move == OrderState.WORKING and order.filled > 0.0:
            move = int(OrderState.PARTIAL)
        self._move(order, OrderState(move))
        return Applied(order, is_new=True)

    def _fill(self, order: LiveOrder | None, report: OrderReport) -> Applied:
        if report.exec_id in self.executions:
            return Applied(order, is_new=False, flags=("DUPLICATE",))
        self.executions.add(report.exec_id)
        if order is None:
            return Applied(None, is_new=True, flags=("EXTERNAL",))
        flags = []
        if is_final(order.state) and order.state is not OrderState.FILLED:
            flags.append("LATE_FILL")
        order.filled += report.quantity
        order.value += report.quantity * report.price
        order.updated_ns = max(order.updated_ns, report.ts_ns)
        if order.filled > order.quantity + _TINY:
            flags.append("OVERFILL")
        if order.filled >= order.quantity - _TINY:
            self._move(order, OrderState.FILLED)
        elif order.state not in _CROSSING and not is_final(order.state):
            order.state = OrderState.PARTIAL
        return Applied(order, is_new=True, flags=tuple(flags))

    def adopt(self, order: LiveOrder) -> None:
        """Bring back to life an order that was held for absent, on evidence that it exists."""
        order.state = OrderState.WORKING if order.filled == 0.0 else OrderState.PARTIAL
        self.live[order.request.client_id] = order

    def _move(self, order: LiveOrder, state: OrderState) -> None:
        order.state = state
        if is_final(state):
            self.live.pop(order.request.client_id, None)

    def working_reducers(self, instrument: int) -> list[LiveOrder]:
        """Return the exits and protective orders of an instrument that may still fill."""
        return [
            order
            for order in self.live.values()
            if order.instrument == instrument and order.request.intent is not Intent.ENTRY
        ]


def _oddity(before: OrderState) -> str:
    """Name a report that fits no legal move; evidence of life after ABSENT is worse than odd."""
    if before is OrderState.ABSENT:
        return "BACK_FROM_ABSENT"
    return "QUARANTINED"
