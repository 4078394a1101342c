"""What an earlier process left open, and what becomes of it at a start."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tidemill.model.bars import HOUR_NS
from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind, Intent, OrderState
from tidemill.model.journal import FillEntry, OutboxRow
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.live_order import LiveOrder
from tidemill.runtime.orders.outgoing import Outgoing

__all__ = ["CURSOR_NS", "Told", "cursor_of", "expire", "leftovers", "stale_entries"]

CURSOR_NS = 24 * HOUR_NS  # lists are asked for from that long before the last fill we know
_OPEN_REQUESTS = frozenset({"PENDING", "SENDING", "UNKNOWN"})


def cursor_of(fills: Sequence[FillEntry], now_ns: int, horizon_ns: int) -> int:
    """Return from when on orders and fills are asked for at the start: a day before the last fill we know."""
    last = max((fill.ts_ns for fill in fills), default=now_ns)
    return max(min(last, now_ns) - CURSOR_NS, now_ns - horizon_ns)


@dataclass(frozen=True, slots=True)
class Told:
    """What a start has to settle: requests in question, requests that never left, and those that time has answered."""

    doubts: list[Outgoing] = field(default_factory=list)
    unsent: list[Outgoing] = field(default_factory=list)
    expired: list[Outgoing] = field(default_factory=list)
    over: list[Outgoing] = field(default_factory=list)


def _latest(outbox: Mapping[str, OutboxRow]) -> dict[str, OutboxRow]:
    """Return the newest attempt of each request, by its first key."""
    newest: dict[str, OutboxRow] = {}
    for row in outbox.values():
        name = row.key.partition("~")[0]
        if name not in newest or row.attempt >= newest[name].attempt:
            newest[name] = row
    return newest


def leftovers(outbox: Mapping[str, OutboxRow], book: OrderBook) -> Told:
    """Return what an earlier process left open: SENDING and UNKNOWN are in question, PENDING never left.

    Entries that never left are over; what protects, closes, cancels or changes an order leaves now, past the guard.
    An answer that was written down while its report was not taken yet puts the order in question, too.
    """
    told = Told()
    for row in _latest(outbox).values():
        order = book.by_client.get(row.client_id)
        if order is None:
            continue
        if not order.is_open:
            if row.state in _OPEN_REQUESTS:
                told.over.append(Outgoing(row.action, order, row))
            continue
        is_half = row.action == "submit" and order.state in {OrderState.SENDING, OrderState.UNKNOWN}
        if row.state not in _OPEN_REQUESTS and not is_half:
            continue
        terms = json.loads(row.body) if row.action == "replace" else {}
        item = Outgoing(row.action, order, row, terms.get("quantity", 0.0), terms.get("stop_price", 0.0))
        order.sent_ns = max(order.sent_ns, row.sent_ns)
        if row.state == "DROPPED":
            told.expired.append(item)
        elif row.state != "PENDING":
            told.doubts.append(item)
        elif row.action == "submit" and order.request.intent is Intent.ENTRY:
            told.expired.append(item)
        else:
            told.unsent.append(item)
    return told


def expire(told: Told, now_ns: int, write: Callable[[Outgoing, str, str], None]) -> list[OrderReport]:
    """End requests that time has answered, and entries that never left; return what the core is to hear."""
    reports = []
    for item in told.expired:
        write(item, "DROPPED", "it had not left when the process ended; an entry is never sent later")
        text = "not sent before a restart"
        reports.append(OrderReport(EventKind.EXPIRED, item.order.request.client_id, ts_ns=now_ns, text=text))
    for item in told.over:
        write(item, "DROPPED" if item.row.state == "PENDING" else "DONE", "the order has ended")
    return reports


def stale_entries(book: OrderBook) -> list[LiveOrder]:
    """Return entries of the run that work since before a restart; they are cancelled by default."""
    return [
        order
        for order in book.open_orders()
        if order.request.intent is Intent.ENTRY and order.state is not OrderState.CANCEL_PENDING
    ]
