"""Groups and parents for brokers that keep none: what is linked waits here, and never adds up to more than is held.

A broker that links orders lets a stop and a target rest side by side and cancels one when the other fills. One that
does not would fill both. So of all orders that reduce one position only those leave whose units, together with
whatever of them may live at the broker already, fit into the position; the others are held here. The stop goes first.
A target gets its turn when the price has reached it: the stop is cancelled, and once that is certain the target
leaves; if it does not fill within a moment, the stop comes back. An exit at market takes everybody's turn. Children
wait for their parent's fill, and of entries that cancel each other the first fill cancels the rest.

Nothing of this is kept anywhere else: who has left is known from the orders themselves, so a start after a crash goes
on with the stop first. Cancellations are words to the core, which derives new protection from the position.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side
from tidemill.ports.seams import Clock
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.departures import Departures
from tidemill.runtime.orders.outgoing import Outgoing

__all__ = ["LINK_LOOK_S", "TURN_NS", "Links"]

LINK_LOOK_S = 0.1
TURN_NS = SECOND_NS  # an order whose price is reached may work so long in place of the stop
_REST_NS = 5 * SECOND_NS  # before the next turn after one without a fill
_LEAVE_NS = 20 * SECOND_NS  # a turn whose order cannot leave is over
_ASK_NS = 5 * SECOND_NS  # before a cancellation that changed nothing is asked for again
_TINY = 1e-9
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)

_Key = tuple[int, int]  # instrument and strategy: the orders that reduce one position


@dataclass(slots=True)
class _Turn:
    """An order that goes before the stop for a while."""

    order: LiveOrder
    until_ns: int
    has_left: bool = False


class Links:
    """Says which request has to wait, and does what a linking broker would do.

    Args:
        book, departures: our orders, and the requests that wait.
        clock: of the run. ttl_ns: how long a child may wait once its parent has released it.
        units: signed units of the position an order belongs to.
        price: last price of an instrument, NaN: none.
        cancel: asks the core for an order's end.
        hear: takes reports; they come back to the core as events.
        write: puts the state of a request into the present transaction.
    """

    def __init__(
        self,
        book: OrderBook,
        departures: Departures,
        clock: Clock,
        *,
        ttl_ns: int,
        units: Callable[[LiveOrder], float],
        price: Callable[[int], float],
        cancel: Callable[[LiveOrder], None],
        hear: Callable[[OrderReport], None],
        write: Callable[[Outgoing, str, str], None],
    ) -> None:
        self._book, self._departures, self._clock, self._ttl_ns = book, departures, clock, ttl_ns
        self._units, self._price, self._cancel, self._hear, self._write = units, price, cancel, hear, write
        self._turns: dict[_Key, _Turn] = {}
        self._rests: dict[_Key, int] = {}
        self._asked: dict[str, int] = {}
        self._rivals: dict[str, dict[str, LiveOrder]] = {}  # entries that cancel each other, by group

    # --- what the queue asks

    def holds(self, item: Outgoing) -> bool:
        """Tell whether a request has to wait because of what it is linked to."""
        order = item.order
        if item.action == "cancel":
            return False
        if order.request.intent is Intent.ENTRY:
            parent = self._book.by_client.get(order.request.parent)
            return item.action == "submit" and parent is not None and (parent.is_open or parent.filled == 0.0)
        if item.action == "replace":
            return not self._is_out(order) or not self._fits(order, item.quantity - order.filled)
        if order.state in {OrderState.REPLACE_PENDING, OrderState.CANCEL_PENDING}:
            return True
        return self._leader(_key(order)) is not order or not self._fits(order, order.remaining)

    def release(self, order: LiveOrder) -> None:
        """Bring the terms of an order that is about to leave up to what was decided while it waited."""
        if order.broker_id or order.sent_ns:
            return
        request, now = order.request, self._clock.now_ns()
        if request.intent is not Intent.ENTRY:
            stop = order.wanted[1] if order.wanted[1] > 0.0 else request.stop_price
            order.request = replace(request, quantity=order.quantity, stop_price=stop)
        elif request.parent:
            order.request = replace(request, created_ns=now, expires_ns=now + self._ttl_ns)
        order.is_held = False

    # --- what time and fills bring

    def look(self) -> None:
        """Merge, cancel, give turns: whatever the orders' present states ask for."""
        self._merge()
        for key, members in self._groups().items():
            self._take_turns(key, members)
            self._make_room(key, members)
        self._part_entries()
        self._end_children()
        for item in self._departures.items():
            self._mark(item)
        self._asked = {name: at for name, at in self._asked.items() if name in self._book.live}

    def _mark(self, item: Outgoing) -> None:
        """Show an order that waits here as held."""
        order = item.order
        if item.action == "submit" and not order.is_held and not self._is_out(order) and self.holds(item):
            order.is_held = True
            self._write(item, "PENDING", "held until what it is linked to lets it go")

    def _merge(self) -> None:
        """Let a change of an order that has not left become part of it."""
        unsent = {item.order.request.client_id for item in self._departures.items() if item.action == "submit"}
        for item in list(self._departures.items()):
            order, name = item.order, item.order.request.client_id
            if item.action != "replace" or name not in unsent or self._is_out(order):
                continue
            self._departures.remove(item)
            order.wanted = (item.quantity, item.stop_price)
            self._write(item, "DONE", "the order had not left; it leaves with the new terms")
            stamp = self._clock.now_ns()
            self._hear(OrderReport(EventKind.REPLACED, name, ts_ns=stamp, quantity=item.quantity))

    def _groups(self) -> dict[_Key, list[LiveOrder]]:
        groups: dict[_Key, list[LiveOrder]] = {}
        for order in self._book.live.values():
            if order.request.intent is not Intent.ENTRY:
                groups.setdefault(_key(order), []).append(order)
        return groups

    def _take_turns(self, key: _Key, members: list[LiveOrder]) -> None:
        """Begin and end turns of orders whose price is reached."""
        now, turn = self._clock.monotonic_ns(), self._turns.get(key)
        if turn is not None:
            if not turn.has_left and self._is_out(turn.order):
                turn.has_left, turn.until_ns = True, now + TURN_NS
            if not turn.order.is_open or now >= turn.until_ns:
                self._turns.pop(key)
                self._rests[key] = now + _REST_NS
            return
        leader = self._leader(key)
        if leader is None or now < self._rests.get(key, 0) or _rank(leader) == 0 or leader.filled > 0.0:
            return
        for order in members:
            if order is not leader and not self._is_out(order) and self._is_reached(order):
                self._turns[key] = _Turn(order, now + _LEAVE_NS)
                return

    def _is_reached(self, order: LiveOrder) -> bool:
        limit, last = order.request.limit_price, self._price(order.instrument)
        if math.isnan(limit) or math.isnan(last) or order.request.type in _STOPS:
            return False
        return last >= limit if order.request.side is Side.SELL else last <= limit

    def _make_room(self, key: _Key, members: list[LiveOrder]) -> None:
        """Have those cancelled at the broker that stand in the way of the order whose turn it is."""
        leader = self._leader(key)
        if leader is None or self._is_out(leader) or self._fits(leader, leader.remaining):
            return
        for order in members:
            if order is not leader and self._is_out(order):
                self._ask_end(order)

    def _part_entries(self) -> None:
        """Have the others of a group of entries cancelled once one of them has filled anything."""
        for order in self._book.live.values():
            if order.request.intent is Intent.ENTRY and order.request.group:
                self._rivals.setdefault(order.request.group, {})[order.request.client_id] = order
        for group, rivals in list(self._rivals.items()):
            if any(order.filled > 0.0 for order in rivals.values()):
                for order in rivals.values():
                    if order.filled == 0.0:
                        self._ask_end(order)
            if not any(order.is_open for order in rivals.values()):
                self._rivals.pop(group)

    def _end_children(self) -> None:
        """End what waits for an order that has ended with nothing."""
        for item in list(self._departures.items()):
            parent = self._book.by_client.get(item.order.request.parent)
            if item.action != "submit" or parent is None or parent.is_open or parent.filled > 0.0:
                continue
            self._departures.remove(item)
            text = "its parent ended unfilled"
            self._write(item, "DROPPED", text)
            name = item.order.request.client_id
            self._hear(OrderReport(EventKind.CANCELLED, name, ts_ns=self._clock.now_ns(), text=text))

    def _ask_end(self, order: LiveOrder) -> None:
        name, now = order.request.client_id, self._clock.monotonic_ns()
        is_asked = now - self._asked.get(name, -(2**62)) < _ASK_NS
        if order.is_open and order.state is not OrderState.CANCEL_PENDING and not is_asked:
            self._asked[name] = now
            self._cancel(order)

    # --- who may leave

    def _leader(self, key: _Key) -> LiveOrder | None:
        """Return the order of a position whose turn it is; what is to end anyway has none."""
        turn = self._turns.get(key)
        named = turn.order if turn is not None else None
        living = [order for order in self._members(key) if order.state is not OrderState.CANCEL_PENDING]
        ranked = sorted(living, key=lambda order: (1 if order is named else _rank(order), order.request.number))
        at_market = next((order for order in ranked if _rank(order) == 0), None)
        return at_market or (ranked[0] if ranked else None)

    def _members(self, key: _Key) -> Iterator[LiveOrder]:
        return (
            order
            for order in self._book.live.values()
            if order.request.intent is not Intent.ENTRY and _key(order) == key
        )

    def _fits(self, order: LiveOrder, quantity: float) -> bool:
        """Tell whether an order fits into the position with all others that may live at the broker."""
        others = sum(
            other.remaining for other in self._members(_key(order)) if other is not order and self._is_out(other)
        )
        return others + quantity <= max(-self._units(order) * order.request.side, 0.0) + _TINY

    def _is_out(self, order: LiveOrder) -> bool:
        """Tell whether an order may be at the broker."""
        flying = self._departures.flying.get(order.request.client_id)
        is_leaving = flying is not None and flying.action == "submit"
        return bool(order.broker_id) or order.sent_ns > 0 or bool(order.doubt) or is_leaving


def _key(order: LiveOrder) -> _Key:
    return order.instrument, order.owner


def _rank(order: LiveOrder) -> int:
    """Return who goes first: an exit at market, then (1: whose turn it is), a stop, anything else."""
    if order.request.type in _STOPS:
        return 2
    return 0 if order.request.type is OrderType.MARKET else 3
