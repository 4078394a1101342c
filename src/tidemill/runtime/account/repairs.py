"""Orders at the broker that are not as they should be: one too many, of another size, or left over; set right there."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import OrderState
from tidemill.model.journal import OutboxRow
from tidemill.runtime.account.parts import OutsideParts
from tidemill.runtime.orders.live_order import LiveOrder
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.sender import Sender

__all__ = ["Repairs"]

_TINY = 1e-9
_AGAIN_NS = 5 * SECOND_NS  # between two cancellations of one order too many


class Repairs:
    """Asks the broker for what the core need not hear of.

    Args:
        parts: of the run. sender: carries requests. doubt: takes what is in question, and why.
    """

    def __init__(self, parts: OutsideParts, sender: Sender, doubt: Callable[[Outgoing, str], None]) -> None:
        self._parts, self._sender, self._doubt = parts, sender, doubt
        self._twins: dict[str, int] = {}
        self._forks: set[str] = set()  # former incarnations the lists were asked about
        self._split: dict[str, LiveOrder] = {}  # orders that have, or had, a former incarnation

    def look_at_forks(self) -> bool:
        """End former incarnations that are proven to work on, or have no place left; return whether to ask for lists.

        They are asked for as soon as a replacement has given an order another name: its old one may work on.
        """
        is_new = False
        for order in list(self._parts.book.forked.values()):
            incarnations = order.incarnations
            self._split[order.request.client_id] = order
            for former in list(incarnations.former):
                if former not in self._forks:
                    self._forks.add(former)
                    is_new = True
                if not order.is_open or incarnations.fills_by.get(former, 0.0) > 0.0:
                    self.end_twin(order, former)
        self._fit_split()
        return is_new

    def _fit_split(self) -> None:
        """Take off an order at once what a former incarnation has filled: its replacement was for that, too."""
        for name, order in list(self._split.items()):
            is_settled = order.is_working and order.state is not OrderState.REPLACE_PENDING
            if not order.is_open:
                del self._split[name]
                continue
            is_large = order.remaining > 0.0 and order.asked > order.quantity - order.elsewhere + _TINY
            if is_large and is_settled and not self._sender.is_busy_with(name):
                self.fit(order)

    def trim(self, order: LiveOrder) -> None:
        """Take an order away from the broker for which nothing is left there."""
        self._sender.request(Outgoing("cancel", order, self._row(order, "cancel", "trim")))

    def doubt(self, order: LiveOrder, action: str, text: str) -> None:
        """Put an order in question that no request of this process is about."""
        quantity, stop = order.wanted
        row = self._row(order, action, "")
        row.state = "UNKNOWN"
        self._doubt(Outgoing(action, order, row, quantity, stop), text)

    def _row(self, order: LiveOrder, action: str, what: str) -> OutboxRow:
        name, run_id = order.request.client_id, self._parts.journal.run_id
        return OutboxRow(f"{name}/{action}/{what}{self._parts.clock.now_ns()}", run_id, name, action, what, "PENDING")

    def end_twin(self, order: LiveOrder, broker_id: str) -> None:
        """Cancel a working order of ours that is one too many, or has ended here; the one we know stays."""
        now, name = self._parts.clock.monotonic_ns(), order.request.client_id
        if self._sender.is_busy_with(name) or now - self._twins.get(broker_id, -(2**62)) < _AGAIN_NS:
            return
        self._twins[broker_id] = now
        text = f"{name} is {order.state.name} here and {broker_id} may work at the broker, too; cancelling it."
        self._parts.alert(1, "TWO_INCARNATIONS", text)
        self._sender.request(Outgoing("cancel", order, self._row(order, "cancel", broker_id), broker_id=broker_id))

    def fit(self, order: LiveOrder) -> None:
        """Ask for the quantity an order has here: at the broker it has another."""
        name = order.request.client_id
        self._parts.alert(2, "OTHER_SIZE", f"{name} has another size at the broker than what it is for; fitting it.")
        self.resize(order)

    def resize(self, order: LiveOrder) -> None:
        """Ask for the size an order has here, at the broker."""
        name, run_id, now = order.request.client_id, self._parts.journal.run_id, self._parts.clock.now_ns()
        first = order.request.stop_price
        stop = order.wanted[1] or (0.0 if math.isnan(first) else first)
        body = json.dumps({"quantity": order.quantity, "stop_price": stop})
        row = OutboxRow(f"{name}/replace/fit{now}", run_id, name, "replace", body, "PENDING")
        order.wanted = (order.quantity, stop)
        self._sender.request(Outgoing("replace", order, row, order.quantity, stop))

    def end_orphan(self, order: LiveOrder) -> None:
        """Cancel an order that works although nothing is left for it."""
        name = order.request.client_id
        if not self._sender.is_busy_with(name):
            self._parts.alert(2, "ORPHAN", f"{name} works although nothing is left for it; cancelling it.")
            self._sender.request(Outgoing("cancel", order, self._row(order, "cancel", "")))
