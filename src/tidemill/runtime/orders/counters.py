"""What has left lately, counted by the clock that never jumps: what the guard's windows look at, across processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidemill.model.enums import Intent, Side
from tidemill.runtime.guard.facts import SentOrder
from tidemill.runtime.guard.rates import SlidingCount
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.orders.outgoing import Outgoing

__all__ = ["KEPT_SENT", "Counters", "Left"]

KEPT_SENT = 64


@dataclass(frozen=True, slots=True)
class Left:
    """A request that has left: what it was, whose, and when by the wall clock."""

    action: str
    strategy: str
    client_id: str
    symbol: str
    side: Side
    quantity: float
    is_entry: bool
    at_ns: int


class Counters:
    """Counts the requests of a run.

    Args:
        tolerances: the windows' lengths. strategies: whose entries are counted apart.
    """

    def __init__(self, tolerances: Tolerances, strategies: Iterable[str]) -> None:
        self._orders = SlidingCount(tolerances.rate_window_s)
        self._messages = SlidingCount(tolerances.rate_window_s)
        self._entries = {name: SlidingCount(tolerances.repetition_window_s) for name in strategies}
        self._sent: deque[SentOrder] = deque(maxlen=KEPT_SENT)

    def take(self, item: Outgoing, mono_ns: int) -> None:
        """Note that a request is about to leave."""
        request, strategy = item.order.request, item.order.strategy
        is_entry = request.intent is Intent.ENTRY
        one = Left(
            item.action, strategy, request.client_id, request.symbol, request.side, request.quantity, is_entry, 0
        )
        self._count(one, mono_ns)

    def _count(self, one: Left, mono_ns: int) -> None:
        self._messages.add(mono_ns)
        if one.action != "submit":
            return
        self._orders.add(mono_ns)
        if one.is_entry and one.strategy in self._entries:
            self._entries[one.strategy].add(mono_ns)
        self._sent.append(SentOrder(one.client_id, one.symbol, one.side, one.quantity, mono_ns))

    def restore(self, past: Sequence[Left], now: tuple[int, int], *, is_replay: bool) -> None:
        """Count what an earlier process of the run has sent.

        Args:
            past: in order of time. now: wall and monotonic clock. is_replay: both are the time of its events.
        """
        wall_ns, mono_ns = now
        for one in past:
            age = wall_ns - one.at_ns
            self._count(one, one.at_ns if is_replay else mono_ns - max(age, 0))  # a clock set back: just now

    def orders(self, mono_ns: int) -> int:
        """Return how many orders have left within the window."""
        return self._orders.count(mono_ns)

    def messages(self, mono_ns: int) -> int:
        """Return how many requests have left within the window."""
        return self._messages.count(mono_ns)

    def entries(self, strategy: str, mono_ns: int) -> int:
        """Return how many entries of a strategy have left within its window."""
        return self._entries[strategy].count(mono_ns)

    @property
    def recent(self) -> tuple[SentOrder, ...]:
        """Return the orders that left last."""
        return tuple(self._sent)
