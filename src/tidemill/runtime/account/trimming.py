"""What reduces a position is at the broker for no more than the broker shows: somebody else may have traded it.

The record keeps its own size until a person has booked the difference; only what lies at the broker is made smaller,
or taken away when nothing is left, and made larger again when the difference is gone (promises 9, 10 and 19).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tidemill.model.broker import OrderReport
from tidemill.model.enums import EventKind, Intent, OrderState
from tidemill.ports.seams import Clock
from tidemill.runtime.account.reconcile import Difference
from tidemill.runtime.orders.book import LiveOrder, OrderBook

__all__ = ["Trimmer"]

_TINY = 1e-9


class Trimmer:
    """Shares out what the broker shows among the orders that reduce it.

    Args:
        book: our orders. clock: of the run. symbols: by instrument row.
        blocked: differences that count, by symbol.
        units: our positions, by symbol.
        is_busy: whether a request about an order (client id) is on its way.
        fit: asks for the quantity an order is to have at the broker; cancel: for its end there.
        hear: takes reports.
        alert: told severity, kind and sentence.
    """

    def __init__(  # noqa: PLR0913 - it stands between the record, the broker's answers and the way out
        self,
        book: OrderBook,
        clock: Clock,
        *,
        symbols: Sequence[str],
        blocked: Mapping[str, Difference],
        units: Callable[[], Mapping[str, float]],
        is_busy: Callable[[str], bool],
        fit: Callable[[LiveOrder], None],
        cancel: Callable[[LiveOrder], None],
        hear: Callable[[OrderReport], None],
        alert: Callable[[int, str, str], None],
    ) -> None:
        self._book, self._clock, self._symbols = book, clock, symbols
        self._blocked, self._units, self._is_busy = blocked, units, is_busy
        self._fit, self._cancel, self._hear, self._alert = fit, cancel, hear, alert
        self._trimmed: dict[str, LiveOrder] = {}

    def look(self) -> None:
        """Bring every order that reduces a position to what there is for it at the broker."""
        for name in [name for name, order in self._trimmed.items() if not order.is_open]:
            self._trimmed.pop(name)
        if not self._blocked and not self._trimmed:
            return
        held = self._units()
        for instrument, symbol in enumerate(self._symbols):
            difference = self._blocked.get(symbol)
            if difference is None and not any(order.instrument == instrument for order in self._trimmed.values()):
                continue
            beyond = difference.theirs - difference.ours if difference is not None else 0.0
            orders = [order for order in self._book.working_reducers(instrument) if order.has_left]
            for side in (1, -1):
                mine = [order for order in orders if int(order.request.side) == side]
                self._share(mine, max(-side * (held.get(symbol, 0.0) + beyond), 0.0), is_short=side * beyond > 0.0)

    def adjusting(self, instrument: int, units: float) -> None:
        """Let what a person books be no difference any more: the core brings its orders to the new size itself."""
        for order in self._trimmed.values():
            if order.instrument == instrument and units * order.request.side > 0.0:
                order.withheld = max(order.withheld - abs(units), 0.0)

    def _share(self, orders: list[LiveOrder], left: float, *, is_short: bool) -> None:
        """Give each group of orders, oldest first, what is left; orders of one group cancel each other.

        Args:
            left: units the broker shows of the position. is_short: they are fewer than we hold.
        """
        given: dict[str, float] = {}
        for order in sorted(orders, key=lambda item: item.request.number):
            group = order.request.group or order.request.client_id
            if group not in given:
                most = max(item.remaining for item in orders if (item.request.group or item.request.client_id) == group)
                given[group] = min(most, left)
                left -= given[group]
            withheld = max(order.remaining - given[group], 0.0) if is_short else 0.0
            if abs(withheld - order.withheld) > _TINY:
                self._change(order, round(withheld, 9))

    def _change(self, order: LiveOrder, withheld: float) -> None:
        name, request = order.request.client_id, order.request
        is_ready = order.is_working and order.state is not OrderState.REPLACE_PENDING and not self._is_busy(name)
        if not is_ready or request.intent is Intent.ENTRY:
            return
        was_gone, order.withheld = order.is_gone, withheld
        self._trimmed[name] = order
        if was_gone:
            if not order.is_parked:  # it has ended at the broker long ago; now the core may know, and decides anew
                order.is_gone = False
                stamp = self._clock.now_ns()
                self._hear(OrderReport(EventKind.CANCELLED, name, ts_ns=stamp, text="it was taken away meanwhile"))
            return
        units = order.remaining - withheld
        text = f"{request.symbol}: {units:g} of {order.remaining:g} units of {name} are left for it at the broker"
        self._alert(2, "TRIMMED", f"{text}; {'fitting it' if units > _TINY else 'taking it away'}.")
        if order.is_parked:
            self._cancel(order)
        else:
            self._fit(order)
