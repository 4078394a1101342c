"""The run's orders as the outside knows them: client ids, states, what is filled, what is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tidemill.kernel.transitions import MOVES, QUARANTINE, STAY, is_final
from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind, Intent, OrderState
from tidemill.runtime.orders.incarnations import BY
from tidemill.runtime.orders.live_order import Applied, LiveOrder

__all__ = ["BUST", "Applied", "LiveOrder", "OrderBook"]

_CROSSING = (OrderState.CANCEL_PENDING, OrderState.REPLACE_PENDING)
_TINY = 1e-9
_DIGITS = 9  # quantities are sums of decimal steps
_ENDS = (EventKind.CANCELLED, EventKind.EXPIRED, EventKind.REJECT)
_SIGNS_OF_LIFE = (EventKind.ACK, EventKind.REPLACED, EventKind.CANCEL_REFUSED)
BUST = ":bust"  # behind the id of the execution that is taken back


@dataclass(slots=True)
class OrderBook:
    """All orders of a run by client id and by the core's number; ended ones are kept for late reports."""

    by_client: dict[str, LiveOrder] = field(default_factory=dict)
    by_number: dict[int, LiveOrder] = field(default_factory=dict)
    by_broker: dict[str, LiveOrder] = field(default_factory=dict)
    executions: set[str] = field(default_factory=set)
    live: dict[str, LiveOrder] = field(default_factory=dict)
    loose: dict[str, LiveOrder] = field(default_factory=dict)  # reduced, ended otherwise than filled, not asked about
    forked: dict[str, LiveOrder] = field(default_factory=dict)  # former incarnations may still work

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
        return [order for order in self.live.values() if order.is_unknown]

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
        if _is_of_other(order, report):
            self.is_over(order, report.broker_id)
            return Applied(order, is_new=False)
        if order.is_parked and report.kind in _ENDS and order.state is not OrderState.CANCEL_PENDING:
            order.is_gone = True
            return Applied(order, is_new=False)
        self._name(order, report)
        if order.state is OrderState.ABSENT and report.kind in _SIGNS_OF_LIFE:
            return Applied(order, is_new=True, flags=("BACK_FROM_ABSENT",))
        return self._adopted(order, report) if order.is_ended and order.is_open else self._state(order, report)

    def _state(self, order: LiveOrder, report: OrderReport) -> Applied:
        """Move an order by a report that is no fill."""
        move = int(MOVES[order.state, report.kind])
        order.updated_ns = max(order.updated_ns, report.ts_ns)
        order.text = report.text or order.text
        if move == QUARANTINE and report.kind is EventKind.UNKNOWN and order.is_open:
            return Applied(order, is_new=False)  # its stream was faster than our doubt
        if move == QUARANTINE:
            return Applied(order, is_new=True, flags=("QUARANTINED",))
        if report.kind is EventKind.REPLACED and report.quantity > 0.0 and order.is_open:
            order.quantity = report.quantity
        if move == STAY:
            return Applied(order, is_new=report.kind in {EventKind.REPLACED, EventKind.CANCEL_REFUSED})
        if move == OrderState.WORKING and order.filled > 0.0:
            move = int(OrderState.PARTIAL)
        self._move(order, OrderState(move))
        order.is_ended = order.is_ended or is_final(order.state)
        return Applied(order, is_new=True)

    def _name(self, order: LiveOrder, report: OrderReport) -> None:
        """Learn the broker's name of an order; a replacement may have given it another."""
        is_new = not order.broker_id or report.kind is EventKind.REPLACED
        if report.broker_id and is_new:
            if order.broker_id and order.broker_id != report.broker_id:
                order.incarnations.rename(order.broker_id, order.quantity, report.ts_ns)
                self._note_fork(order)
            order.broker_id = report.broker_id
            self.by_broker[report.broker_id] = order

    def is_over(self, order: LiveOrder, broker_id: str) -> None:
        """Note that an incarnation of an order works no more."""
        if order.incarnations.former.pop(broker_id, None) is not None:
            self._note_fork(order)

    def _note_fork(self, order: LiveOrder) -> None:
        """Keep in mind, or forget, that former incarnations of an order may still work."""
        if order.incarnations.former:
            self.forked[order.request.client_id] = order
        else:
            self.forked.pop(order.request.client_id, None)

    def _adopted(self, order: LiveOrder, report: OrderReport) -> Applied:
        """Follow an order that came back from the dead; the core has forgotten it."""
        ends = {EventKind.REJECT: OrderState.REJECTED, EventKind.CANCELLED: OrderState.CANCELED}
        ends[EventKind.EXPIRED] = OrderState.EXPIRED
        if report.kind in ends:
            self._move(order, ends[report.kind])
        return Applied(order, is_new=report.kind in ends)

    def _fill(self, order: LiveOrder | None, report: OrderReport) -> Applied:
        if report.exec_id in self.executions:
            return Applied(order, is_new=False, flags=("DUPLICATE",))
        self.executions.add(report.exec_id)
        if order is None:
            return Applied(None, is_new=True, flags=("EXTERNAL",))
        self._name(order, report)
        order.updated_ns = max(order.updated_ns, report.ts_ns)
        if report.fill_kind in {"bust", "correct"}:
            return self._correct(order, report)
        flags = []
        if report.broker_id and report.broker_id != order.broker_id:
            flags.append(BY + report.broker_id)
        if is_final(order.state) and order.state is not OrderState.FILLED:
            flags.append("BACK_FROM_ABSENT" if order.state is OrderState.ABSENT else "LATE_FILL")
        if report.fill_kind == "synthetic":
            order.synthetic[report.exec_id] = report
        self._add(order, report, 1.0)
        self._note_fork(order)
        if order.filled > order.quantity + _TINY:
            flags.append("OVERFILL")
        is_late = order.is_ended
        if order.filled >= order.quantity - _TINY:
            if order.is_open or order.state is OrderState.ABSENT:
                self._move(order, OrderState.FILLED)
                order.is_ended = True
        elif order.state not in _CROSSING and order.is_open:
            order.state = OrderState.PARTIAL
        return Applied(order, is_new=True, flags=tuple(flags), is_late=is_late)

    def _correct(self, order: LiveOrder, report: OrderReport) -> Applied:
        """Take a fill back, or put in what it should have been: the state stays, the ledger moves."""
        is_bust = report.fill_kind == "bust"
        made_up = order.synthetic.pop(report.exec_id.removesuffix(BUST), None) if is_bust else None
        self._add(order, report, -1.0 if is_bust else 1.0)
        if made_up is None:
            order.taken_back = round(order.taken_back + (report.quantity if is_bust else -report.quantity), _DIGITS)
        flags = () if made_up is not None else (report.fill_kind.upper(),)
        return Applied(order, is_new=True, flags=flags, is_late=True)

    @staticmethod
    def _add(order: LiveOrder, report: OrderReport, sign: float) -> None:
        order.filled = round(order.filled + sign * report.quantity, _DIGITS)
        order.incarnations.add(report.broker_id or order.broker_id, sign * report.quantity)
        order.value += sign * report.quantity * report.price

    def adopt(self, order: LiveOrder) -> None:
        """Bring back to life an order that was held for absent, on evidence that it exists."""
        if order.state is OrderState.ABSENT:
            order.state = OrderState.WORKING if order.filled == 0.0 else OrderState.PARTIAL
            self.live[order.request.client_id] = order

    def _move(self, order: LiveOrder, state: OrderState) -> None:
        order.state = state
        if is_final(state):
            self.live.pop(order.request.client_id, None)
            if state is OrderState.FILLED:
                order.incarnations.leave(order.broker_id, order.quantity, order.updated_ns)
            self._note_fork(order)
            may_fill = state is not OrderState.FILLED or bool(order.incarnations.former)
            if may_fill and order.has_left and order.request.intent is not Intent.ENTRY:
                self.loose[order.request.client_id] = order

    def working_reducers(self, instrument: int) -> list[LiveOrder]:
        """Return the exits and protective orders of an instrument that may still fill."""
        return [
            order
            for order in self.live.values()
            if order.instrument == instrument and order.request.intent is not Intent.ENTRY
        ]


def _is_of_other(order: LiveOrder, report: OrderReport) -> bool:
    """Tell whether a report is about the end of another incarnation of an order: the one we know goes on."""
    is_other = bool(report.broker_id and order.broker_id) and report.broker_id != order.broker_id
    return is_other and report.kind in _ENDS
