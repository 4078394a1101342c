"""Before a position is reduced further: what have the orders that reduce it filled already?

The stream may lose the fill of a stop, or bring the end of an order before its last fill. What is sized by our record
alone would then turn the position round (promise 10). So where another order reduces the same position, or one has
ended otherwise than by filling, the broker's lists are asked before the next one leaves.

No list shows an order that is still on its way. A fresh stop and an exit at market would cross there, and both fill:
whichever has left is waited for until the broker has it, and what leaves behind it is sized by what that has filled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import Intent, OrderType
from tidemill.ports.seams import Clock
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.present import Health

__all__ = ["Soundings"]

_FRESH_NS = SECOND_NS  # an answer asked for so shortly before is good enough
_STOP_NS = SECOND_NS  # a stop waits so long for it at most: promise 19 comes first
_EXIT_NS = 5 * SECOND_NS
_TRAVEL_NS = 2 * SECOND_NS  # so long after a stop has left an exit waits for it; orders travel for half a second
_PAUSE_S = 0.25
_TURN_S = 0.01
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
_TINY = 1e-9


class Soundings:
    """Holds back what reduces a position until it is known how much is left of it.

    Args:
        book: our orders. clock: of the run. health: tells whether the line is up.
        look: asks for orders and fills; tells whether the answer was whole.
        is_behind: whether the core has not taken everything yet that was heard.
        wake: lets the sender look at its queue again.
        alert: told severity, kind and sentence.
    """

    def __init__(
        self,
        book: OrderBook,
        clock: Clock,
        health: Health,
        *,
        look: Callable[[], Awaitable[bool]],
        is_behind: Callable[[], bool],
        wake: Callable[[], None],
        alert: Callable[[int, str, str], None],
    ) -> None:
        self._book, self._clock, self._health = book, clock, health
        self._look, self._is_behind, self._wake, self._alert = look, is_behind, wake, alert
        self._since: dict[str, int] = {}  # since when a request waits, monotonic
        self._crossed: dict[str, int] = {}  # when a request met a rival on its way last, monotonic
        self._known_ns = -(2**62)  # when the newest whole answer was asked for
        self._wanted = asyncio.Event()
        self._is_asking = False

    def asks(self) -> Callable[[], None]:
        """Note that orders and fills are asked for now; return what is to be called once the answer is whole."""
        begun, names = self._clock.monotonic_ns(), list(self._book.loose)

        def is_told() -> None:
            self._known_ns = max(self._known_ns, begun)
            for name in names:
                self._book.loose.pop(name, None)

        return is_told

    def holds(self, item: Outgoing) -> bool:
        """Tell whether a request has to wait until it is known what is left of its position, or for its parent."""
        if item.action == "submit" and self._is_orphan(item.order):
            self._is_asking = True
            self._wanted.set()
            return True
        has_loose, has_working = self._rivals(item)
        if not has_loose and not has_working:
            self._forget(item.row.key)
            return False
        key, now = item.row.key, self._clock.monotonic_ns()
        since = self._since.setdefault(key, now)
        crosses = self._crosses(item.order)
        if crosses:
            self._crossed[key] = now
        asked_ns = max(since - _FRESH_NS, self._crossed.get(key, since - _FRESH_NS))
        is_known = not has_loose and (crosses or self._known_ns >= asked_ns) and not self._is_behind()
        if is_known and not crosses:
            self._forget(key)
            return False
        longest = _STOP_NS if item.order.request.type in _STOPS else _EXIT_NS
        if not self._health.order_stream_ready:
            self._since[key] = now  # nothing can leave anyway, nor be asked
        elif now - since >= longest:
            self._forget(key)
            self._alert(2, "UNCONFIRMED", f"{key} leaves although the broker did not tell what has filled.")
            return False
        self._is_asking |= not is_known
        self._wanted.set()
        return True

    def _forget(self, key: str) -> None:
        self._since.pop(key, None)
        self._crossed.pop(key, None)

    @property
    def is_holding(self) -> bool:
        """Tell whether a request waits for what a report may bring."""
        return bool(self._since)

    def _crosses(self, order: LiveOrder) -> bool:
        """Tell whether a rival has just left and the broker has not answered yet."""
        longest = _STOP_NS if order.request.type in _STOPS else _TRAVEL_NS
        since = self._clock.now_ns() - longest
        return any(
            _is_rival(order, other) and other.seq != order.seq and other.sent_ns > since and not other.broker_id
            for other in self._book.live.values()
        )

    def _is_orphan(self, order: LiveOrder) -> bool:
        """Tell whether the broker has not shown an order's parent yet: a child that comes first hangs on nothing."""
        parent = self._book.by_client.get(order.request.parent)
        return parent is not None and parent.is_open and not parent.broker_id

    def _rivals(self, item: Outgoing) -> tuple[bool, bool]:
        """Tell whether orders that reduced the position ended unfilled and were not asked about, and whether some work.

        Orders of one decision leave together and are not asked about each other.
        """
        order = item.order
        is_more = item.action == "submit" or (item.action == "replace" and item.quantity > order.quantity + _TINY)
        if not is_more or order.request.intent is Intent.ENTRY:
            return False, False
        has_loose = any(_is_rival(order, other) for other in self._book.loose.values())
        return has_loose, any(
            _is_rival(order, other) and other.seq != order.seq and other.has_left for other in self._book.live.values()
        )

    async def serve(self) -> None:
        """Ask whenever something waits, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            is_asking, self._is_asking = self._is_asking, False
            if is_asking and self._health.order_stream_ready:
                await self._look()
            while self._is_behind():
                await self._clock.sleep(_TURN_S)
            self._wake()
            await self._clock.sleep(_PAUSE_S)


def _is_rival(order: LiveOrder, other: LiveOrder) -> bool:
    """Tell whether another order reduces the same position."""
    reduces = other.request.intent is not Intent.ENTRY and other.request.side is order.request.side
    return reduces and other is not order and other.instrument == order.instrument
