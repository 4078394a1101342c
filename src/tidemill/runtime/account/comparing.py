"""Our orders against the broker's list of them: what is new is told, what is missing is doubted."""

from __future__ import annotations

from tidemill.kernel.transitions import is_final
from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import BrokerOrder, OrderReport
from tidemill.model.enums import Intent, OrderState
from tidemill.ports.seams import Clock
from tidemill.runtime.account.evidence import missing_units, shown_reports, synthetic_fill
from tidemill.runtime.account.hooks import PollHooks
from tidemill.runtime.orders.book import LiveOrder, OrderBook

__all__ = ["Comparer"]

_SYNTHETIC_NS = 60 * SECOND_NS  # so long may the broker count a fill without showing it
_STUCK_NS = 10 * SECOND_NS
_SMALL_NS = 10 * SECOND_NS  # so long is an order smaller than it should be before it is made larger
_UNDEAD_NS = 2 * SECOND_NS  # so old a list may be
_TINY = 1e-9
_FORMER_NS = 5 * SECOND_NS  # how long the lists may take to prove that a replaced order is over
_VANISHED = 3  # whole answers without an order that should be there


class Comparer:
    """Brings our orders to where the broker's list shows them, and doubts what does not show.

    Args:
        book: our orders. clock: of the run. hooks: who is told.
        settle_ns: how long a broker may take until a new order is in its list.
    """

    def __init__(self, book: OrderBook, clock: Clock, hooks: PollHooks, settle_ns: int) -> None:
        self._book, self._clock, self._hooks, self._settle_ns = book, clock, hooks, settle_ns
        self._short: dict[str, int] = {}  # since when executions are missing, monotonic
        self._pending: dict[str, int] = {}  # since when a change is under way
        self._unseen: dict[str, int] = {}  # whole answers in a row that do not show an order
        self._undead: dict[str, int] = {}  # since when a broker's order works that has ended here
        self._large: dict[str, int] = {}  # since when an order is shown larger than it is here

    def compare(self, order: LiveOrder, shown: list[BrokerOrder], fills: list[OrderReport]) -> None:
        """Bring one order to where the broker shows it."""
        name, now = order.request.client_id, self._clock.monotonic_ns()
        self._unseen.pop(name, None)
        alive = [item for item in shown if not is_final(item.state)]
        for item in shown:
            if is_final(item.state):
                self._book.is_over(order, item.broker_id)
        mine = [item for item in shown if item.broker_id == order.broker_id]
        best = (mine or alive or shown)[-1]
        if is_final(best.state) and alive and not mine:
            best = alive[-1]
        for item in alive:
            if item is not best and len(alive) > 1:
                self._hooks.twin(order, item.broker_id)
        self._watch_undead(order, shown, now)
        units = missing_units(order, shown, fills)
        if units:
            since = self._short.setdefault(name, now)
            if now - since >= _SYNTHETIC_NS:
                self._hooks.alert(2, "SYNTHETIC_FILL", f"{name}: {units:g} units count as filled but are not shown.")
                self._hooks.hear(synthetic_fill(order, best, units))
                self._short.pop(name)
        else:
            self._short.pop(name, None)
        if best.state is OrderState.UNKNOWN:
            self._hooks.alert(2, "STATUS", f"{name} is shown in a state nobody knows; it is left as it is.")
        is_dead_twin = is_final(best.state) and bool(alive)
        if not is_dead_twin:
            for report in shown_reports(order, best, is_short=bool(units)):
                self._hooks.hear(report)
        self._watch_change(order, best, now)
        self._watch_size(order, best, now)

    @property
    def is_wondering(self) -> bool:
        """Tell whether something was seen that a second look has to confirm."""
        return bool(self._undead or self._large or self._book.forked)

    def _watch_undead(self, order: LiveOrder, shown: list[BrokerOrder], now: int) -> None:
        """Have an order cancelled that works at the broker although it has ended here; a list may be a little old."""
        for item in shown:
            is_undead = is_final(order.state) and order.state is not OrderState.ABSENT and not is_final(item.state)
            if not is_undead or item.state is OrderState.UNKNOWN:
                self._undead.pop(item.broker_id, None)
            elif now - self._undead.setdefault(item.broker_id, now) >= _UNDEAD_NS:
                self._hooks.twin(order, item.broker_id)

    def _watch_size(self, order: LiveOrder, shown: BrokerOrder, now: int) -> None:
        """Have an order fitted that the broker did not make smaller when another of its group filled, or that is small.

        What is too large could turn a position round; what is too small, made so by hand, leaves it without its stop.
        """
        name = order.request.client_id
        is_settled = (
            order.is_working and order.state is not OrderState.REPLACE_PENDING and not self._hooks.is_busy(name)
        )
        of_this = order.quantity - order.elsewhere - order.withheld  # it does not know of these
        is_large = is_settled and order.remaining > 0.0 and shown.quantity > of_this + _TINY
        is_small = is_settled and shown.quantity < of_this - _TINY and self._is_plain(order)
        if not (is_large or is_small) or order.request.intent is Intent.ENTRY or is_final(shown.state):
            self._large.pop(name, None)
        elif is_small and now - self._large.setdefault(name, now) < _SMALL_NS:
            return
        elif order.elsewhere or now - self._large.setdefault(name, now) >= _UNDEAD_NS:
            self._large.pop(name, None)
            self._hooks.larger(order)

    def _is_plain(self, order: LiveOrder) -> bool:
        """Tell whether nothing that is still to be told could have made an order smaller."""
        return not self._short and not self._hooks.differs(order.request.symbol)

    def _watch_change(self, order: LiveOrder, shown: BrokerOrder, now: int) -> None:
        """Doubt a cancellation or replacement that was answered long ago and does not show."""
        name = order.request.client_id
        waits = order.state in {OrderState.CANCEL_PENDING, OrderState.REPLACE_PENDING} and not is_final(shown.state)
        if not waits or order.doubt or self._hooks.is_busy(name):
            self._pending.pop(name, None)
        elif now - self._pending.setdefault(name, now) >= _STUCK_NS:
            self._pending.pop(name)
            action = "cancel" if order.state is OrderState.CANCEL_PENDING else "replace"
            self._hooks.doubt(order, action, "it was answered and does not show")

    def wonder(self) -> None:
        """Have former incarnations ended that no list has shown, nor proven to be over, for a while: they may work."""
        now = self._clock.now_ns()
        for order in list(self._book.forked.values()):
            for name, former in list(order.incarnations.former.items()):
                if now - former.since_ns >= _FORMER_NS:
                    self._hooks.twin(order, name)

    def _forget(self, listed: set[str]) -> None:
        """Let go of former incarnations that a whole list no longer shows, once it has had time to."""
        now = self._clock.now_ns()
        for order in list(self._book.forked.values()):
            for name, former in list(order.incarnations.former.items()):
                if name not in listed and now - former.since_ns >= self._settle_ns:
                    self._book.is_over(order, name)

    def miss(self, found: dict[str, list[BrokerOrder]]) -> None:
        """Count whole answers that lack an order which ought to be there; what is gone needs no second look."""
        listed = {item.broker_id for items in found.values() for item in items}
        self._forget(listed)
        self._undead = {name: at for name, at in self._undead.items() if name in listed}
        self._large = {name: at for name, at in self._large.items() if name in self._book.live}
        for order in self._book.open_orders():
            name = order.request.client_id
            is_expected = not order.doubt and not self._hooks.is_busy(name)
            if name in found or not is_expected or self._clock.now_ns() - order.sent_ns < self._settle_ns:
                continue
            self._unseen[name] = self._unseen.get(name, 0) + 1
            if self._unseen[name] >= _VANISHED:
                self._unseen.pop(name)
                action = "look" if order.broker_id else "submit"  # was it ever there?
                self._hooks.doubt(order, action, "the broker does not show it any more")
