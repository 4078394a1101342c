"""What one order of ours has become at the broker: a replacement may leave two orders, and each fills on its own."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["BY", "RENAMED", "Former", "Incarnations"]

BY = "BY:"  # before the broker's name of an order, in the flags of a fill that is not of the order we know
RENAMED = "renamed"  # on the store's tape: the broker's former name of an order, at the row that gave it another
_TINY = 1e-9
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Former:
    """An order at the broker that a replacement was to end: the units it was for, and since when it is doubtful."""

    quantity: float
    since_ns: int


@dataclass(slots=True)
class Incarnations:
    """The broker's orders behind one of ours, by the broker's names.

    Args:
        fills_by: units filled of each. former: those that may still work beside the one we know.
    """

    fills_by: dict[str, float] = field(default_factory=dict)
    former: dict[str, Former] = field(default_factory=dict)

    def beyond(self, broker_id: str) -> float:
        """Return the units that others than this one have filled: it does not know of them."""
        return round(sum(units for name, units in self.fills_by.items() if name != broker_id), _DIGITS)

    def add(self, broker_id: str, units: float) -> None:
        """Count what one of them has filled (less than zero: taken back); one that has filled wholly is over."""
        if not broker_id:
            return
        self.fills_by[broker_id] = round(self.fills_by.get(broker_id, 0.0) + units, _DIGITS)
        known = self.former.get(broker_id)
        if known is not None and self.fills_by[broker_id] >= known.quantity - _TINY:
            self.former.pop(broker_id)

    def rename(self, broker_id: str, quantity: float, since_ns: int) -> None:
        """Note that another order took a broker's order's place; ``quantity``: of ours, with what others filled."""
        own = round(quantity - self.beyond(broker_id), _DIGITS)
        if self.fills_by.get(broker_id, 0.0) < own - _TINY:
            self.former[broker_id] = Former(own, since_ns)

    def leave(self, broker_id: str, quantity: float, since_ns: int) -> None:
        """Note that our order is through by what others have filled: the one we know may still work."""
        if broker_id and self.beyond(broker_id) > _TINY and self.fills_by.get(broker_id, 0.0) < quantity - _TINY:
            self.former[broker_id] = Former(quantity, since_ns)

    @property
    def loose_units(self) -> float:
        """Return the units that former ones may still fill."""
        return sum(max(item.quantity - self.fills_by.get(name, 0.0), 0.0) for name, item in self.former.items())
