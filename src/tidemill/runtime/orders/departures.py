"""The queue of the sender: protection, exits and cancels first, entries in the room that is left."""

from __future__ import annotations

from collections.abc import Callable

from tidemill.model.enums import Intent
from tidemill.runtime.orders.outgoing import Outgoing

__all__ = ["Departures", "is_entry"]

_MOST_FLYING = 8
_MOST_ENTRIES = 4  # of them: the rest is for exits, protection and cancels


class Departures:
    """The requests that wait and those under way; one about an order leaves after the other."""

    def __init__(self) -> None:
        self._urgent: list[Outgoing] = []
        self._entries: list[Outgoing] = []
        self.flying: dict[str, Outgoing] = {}
        self.holds: Callable[[Outgoing], bool] = lambda _: False  # for brokers that link no orders
        self.asks_first: Callable[[Outgoing], bool] = lambda _: False  # until it is known what has filled

    def items(self) -> list[Outgoing]:
        """Return the requests that wait, the urgent ones first."""
        return [*self._urgent, *self._entries]

    def remove(self, item: Outgoing) -> None:
        """Take a request that waits out of its queue."""
        for queue in (self._urgent, self._entries):
            queue[:] = [other for other in queue if other is not item]

    def put_first(self, item: Outgoing) -> None:
        """Put a request that goes again before all others."""
        self._urgent.insert(0, item)

    @property
    def pauses(self) -> list[int]:
        """Return until when requests have to wait, monotonic."""
        return [item.not_before_ns for item in (*self._urgent, *self._entries) if item.not_before_ns]

    def put(self, item: Outgoing) -> None:
        """Take a durable request into the queue."""
        (self._entries if is_entry(item) else self._urgent).append(item)

    @property
    def waiting(self) -> int:
        """Return how many requests have not left or not been answered yet; those held for others do not count."""
        return sum(not self.holds(item) for item in self.items()) + len(self.flying)

    def is_busy_with(self, client_id: str) -> bool:
        """Tell whether a request about an order waits or is under way."""
        queued = any(item.order.request.client_id == client_id for item in (*self._urgent, *self._entries))
        return queued or client_id in self.flying

    def has_room(self, item: Outgoing) -> bool:
        """Tell whether a new request may leave at once: nothing waits that has to leave before it."""
        if self._urgent or self.holds(item) or self.asks_first(item) or item.order.request.client_id in self.flying:
            return False
        if is_entry(item):
            return not self._entries and len(self.flying) < _MOST_ENTRIES
        return len(self.flying) < _MOST_FLYING

    def next_item(self, now_ns: int) -> Outgoing | None:
        """Take the most urgent request that may leave now out of its queue."""
        if len(self.flying) >= _MOST_FLYING:
            return None
        queues = [self._urgent, self._entries] if len(self.flying) < _MOST_ENTRIES else [self._urgent]
        for queue in queues:
            for at, item in enumerate(queue):
                name = item.order.request.client_id
                is_held = name in self.flying or item.not_before_ns > now_ns or self._is_early(item)
                if not is_held and not self.holds(item) and not self.asks_first(item):
                    return queue.pop(at)
        return None

    def _is_early(self, item: Outgoing) -> bool:
        """Tell whether a change has to wait for the order itself: it is unknown, or waits ahead of it."""
        if item.action == "replace" and item.order.doubt:
            return True
        return item.action == "replace" and any(
            other.action == "submit" and other.order is item.order for other in self._urgent
        )

    def take_submit(self, item: Outgoing) -> Outgoing | None:
        """Take an order that has not left yet out of the queue: the request to cancel it overtook it."""
        for queue in (self._urgent, self._entries):
            for at, other in enumerate(queue):
                if other.action == "submit" and other.order is item.order:
                    return queue.pop(at)
        return None


def is_entry(item: Outgoing) -> bool:
    """Tell whether a request takes new risk."""
    return item.action == "submit" and item.order.request.intent is Intent.ENTRY
