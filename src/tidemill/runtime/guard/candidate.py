"""One order at the door, with everything that several rules want to know about it worked out once."""

from __future__ import annotations

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent
from tidemill.runtime.guard.facts import Facts, Scope, SymbolFacts
from tidemill.runtime.guard.numbers import EPSILON, UNKNOWN, finite, positive
from tidemill.runtime.guard.reducing import room
from tidemill.runtime.guard.worst_case import Mark, Worst, mark_of, worst_case, worst_price

__all__ = ["Candidate"]


class Candidate:
    """An order as the rules see it.

    Args:
        request: the order.
        facts: what is true now.
        stops: why the scopes it belongs to are halted; empty: they are not.
        latches: why a breaker of theirs still stands; empty: none does.
    """

    __slots__ = ("_facts", "_marks", "_worst", "here", "is_reducing", "latches", "request", "room", "stops")

    def __init__(self, request: OrderRequest, facts: Facts, stops: str = "", latches: str = "") -> None:
        self.request, self.stops, self.latches = request, stops, latches
        self.here: SymbolFacts | None = facts.symbols.get(request.symbol)
        self._facts = facts
        self._worst: dict[int, Worst] = {}
        self._marks: dict[str, Mark | None] = {}
        self.room = room(facts, request) if self.is_exit else 0.0
        quantity = request.quantity
        self.is_reducing = finite(quantity) and 0.0 < quantity <= self.room * (1.0 + EPSILON)

    @property
    def is_exit(self) -> bool:
        """Tell whether it says of itself that it only reduces a position."""
        return self.request.intent is Intent.EXIT or self.request.intent is Intent.PROTECT

    def worst(self, scope: Scope) -> Worst:
        """Return the worst case of a scope with this order.

        Raises:
            KeyError: nothing is known about the scope.
        """
        facts = self._facts.scopes[scope]
        known = self._worst.get(id(facts))
        if known is None:
            known = self._worst[id(facts)] = worst_case(self._facts, facts, self.request, self._marks)
        return known

    def value(self, request: OrderRequest, units: float) -> float:
        """Return what units of an order count for in limits of money; NaN when it is not known."""
        symbol = request.symbol
        if symbol not in self._marks:
            self._marks[symbol] = mark_of(self._facts, symbol)
        mark = self._marks[symbol]
        if mark is None or not positive(units):
            return UNKNOWN
        return units * (mark.margin or worst_price(mark, request) * mark.multiplier)
