"""What the broker's own lists prove about our orders: from orders and executions as shown to reports for the core."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tidemill.kernel.transitions import is_final
from tidemill.model.broker import BrokerOrder, Execution, OrderReport
from tidemill.model.enums import EventKind, OrderState
from tidemill.runtime.orders.book import LiveOrder, OrderBook

__all__ = ["fill_report", "incarnations", "missing_units", "shown_reports", "synthetic_fill", "unseen_fills"]

_TINY = 1e-9
_UNSEEN = (OrderState.CREATED, OrderState.APPROVED, OrderState.SENDING, OrderState.UNKNOWN, OrderState.ABSENT)
_ENDS = {
    OrderState.CANCELED: EventKind.CANCELLED,
    OrderState.EXPIRED: EventKind.EXPIRED,
    OrderState.REJECTED: EventKind.REJECT,
}


def fill_report(execution: Execution, client_id: str = "") -> OrderReport:
    """Return an execution as a report."""
    return OrderReport(
        EventKind.FILL,
        client_id or execution.client_id,
        execution.broker_id,
        ts_ns=execution.ts_ns,
        exec_id=execution.exec_id,
        quantity=execution.quantity,
        price=execution.price,
        fee_micros=execution.fee_micros,
        fill_kind=execution.kind,
    )


def unseen_fills(executions: Iterable[Execution], book: OrderBook) -> list[OrderReport]:
    """Return the executions that are not booked yet, oldest first."""
    new = [item for item in executions if item.exec_id not in book.executions]
    return [fill_report(item) for item in sorted(new, key=lambda item: item.ts_ns)]


def incarnations(shown: Iterable[BrokerOrder], book: OrderBook) -> dict[str, list[BrokerOrder]]:
    """Return what the broker shows of our orders, by client id: one intent may have become several orders there."""
    found: dict[str, list[BrokerOrder]] = {}
    for item in shown:
        order = book.find(item.client_id, item.broker_id)
        if order is not None:
            found.setdefault(order.request.client_id, []).append(item)
    return found


def missing_units(order: LiveOrder, shown: Sequence[BrokerOrder], fills: Iterable[OrderReport]) -> float:
    """Return how much more the broker says is filled than we have booked, ever, and are about to book."""
    name, broker_ids = order.request.client_id, {item.broker_id for item in shown}
    coming = sum(
        fill.quantity
        for fill in fills
        if fill.fill_kind == "real"
        and (fill.client_id == name or (not fill.client_id and fill.broker_id in broker_ids))
    )
    missing = sum(item.filled for item in shown) - order.filled - order.taken_back - coming
    return missing if missing > _TINY else 0.0


def shown_reports(order: LiveOrder, shown: BrokerOrder, *, is_short: bool) -> list[OrderReport]:
    """Return the reports by which our order comes to stand as the broker shows it; an end waits for all fills.

    Args:
        is_short: the broker has filled more than it has shown executions of.
    """
    name, stamp = order.request.client_id, shown.updated_ns
    reports = []
    if shown.state is OrderState.UNKNOWN:
        return []
    is_news = order.state in _UNSEEN and (order.state is not OrderState.ABSENT or not is_final(shown.state))
    if is_news and shown.state is not OrderState.REJECTED:
        reports.append(OrderReport(EventKind.ACK, name, shown.broker_id, ts_ns=shown.created_ns))
    if shown.state in _ENDS and not is_short and order.is_open:
        reports.append(OrderReport(_ENDS[shown.state], name, shown.broker_id, ts_ns=stamp, text=shown.text))
    has_all = shown.state is OrderState.FILLED and not is_short and order.filled >= shown.filled - _TINY
    if has_all and order.is_open:  # a change of its quantity crossed its last fill: nothing is left of it
        reports.append(OrderReport(EventKind.CANCELLED, name, shown.broker_id, ts_ns=stamp, text="done at the broker"))
    return reports


def synthetic_fill(order: LiveOrder, shown: BrokerOrder, units: float) -> OrderReport:
    """Return a stand-in for fills the broker counts but does not show, at the price that makes its average right."""
    price = (shown.average_price * shown.filled - order.value) / units
    if not (0.0 < price < math.inf):
        price = shown.average_price
    return OrderReport(
        EventKind.FILL,
        order.request.client_id,
        shown.broker_id,
        ts_ns=shown.updated_ns,
        exec_id=f"syn:{shown.broker_id}:{shown.filled:g}",
        quantity=round(units, 9),
        price=price,
        text="made up: the broker counts it as filled and shows no execution",
        fill_kind="synthetic",
    )
