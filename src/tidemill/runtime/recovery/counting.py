"""What an earlier process has sent, read from its record: the guard's windows do not begin anew with a process."""

from __future__ import annotations

from tidemill.model.enums import Intent, Side
from tidemill.model.journal import OrderRecord, OutboxRow
from tidemill.runtime.orders.counters import KEPT_SENT, Left
from tidemill.runtime.orders.translation import read_terms
from tidemill.runtime.recovery.inheritance import Inherited

__all__ = ["recorded_rejects", "recorded_requests"]

_NEVER_LEFT = ("PENDING", "DROPPED")
_ASKED = ("submit", "replace")  # cancels are asked about by nobody


def recorded_requests(inherited: Inherited) -> list[Left]:
    """Return the requests that have left, in order of time."""
    orders = {order.client_id: order for order in inherited.orders}
    asked = [row for row in inherited.outbox.values() if row.action in _ASKED and row.state not in _NEVER_LEFT]
    rows = [row for row in asked if row.body]  # one without terms was a question about an order, no request
    known = [(_left_ns(row, orders[row.client_id]), row) for row in rows if row.client_id in orders]
    known.sort(key=lambda item: item[0])
    first = len(known) - KEPT_SENT  # what was asked for is looked up only where it is compared
    return [_left(row, orders[row.client_id], at, is_exact=n >= first) for n, (at, row) in enumerate(known)]


def _left_ns(row: OutboxRow, order: OrderRecord) -> int:
    """Return when a request left; the simulated exchange has it with its transaction, at the time of its turn."""
    return row.sent_ns or (order.created_ns if row.action == "submit" else order.updated_ns)


def _left(row: OutboxRow, order: OrderRecord, at_ns: int, *, is_exact: bool) -> Left:
    is_entry, side, quantity = order.intent == Intent.ENTRY.name, Side[order.side], float(order.quantity)
    if is_exact and row.action == "submit":
        quantity = read_terms(row.body).quantity  # the order's own may have shrunk since
    return Left(row.action, order.strategy, row.client_id, order.symbol, side, quantity, is_entry, at_ns)


def recorded_rejects(inherited: Inherited) -> int:
    """Return how many orders the broker has refused since it took one, or since a person let the run go on."""
    asked = [row for row in inherited.outbox.values() if row.action == "submit" and row.body]
    answered = [row for row in asked if row.state == "DONE"]
    count = 0
    for row in sorted(answered, key=lambda item: item.sent_ns):
        if row.sent_ns > inherited.resumed_ns:
            count = count + 1 if row.text else 0
    return count
