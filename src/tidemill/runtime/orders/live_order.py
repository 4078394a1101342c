"""One of our orders as the outside knows it: its id, its state, what is filled, what is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidemill.kernel.transitions import is_final
from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import OrderState
from tidemill.runtime.orders.incarnations import Incarnations

__all__ = ["Applied", "LiveOrder"]

_WORKING = (OrderState.HELD, OrderState.WORKING, OrderState.PARTIAL, OrderState.REPLACE_PENDING)
_TINY = 1e-9


@dataclass(slots=True)
class LiveOrder:
    """One of our orders.

    Args:
        request: as it was decided.
        instrument: row of the instrument table.
        row: where the core keeps it, a hint.
        strategy: name of the strategy whose it is.
        seq, leg: where on the tape it was decided.
        owner: row of the strategy table.
        quantity, filled, value: units ordered now and filled; units times price.
        doubt: the request (submit, cancel, replace) whose outcome nobody knows, or look: it is no longer shown; empty:
            none.
        is_ended: the core has let go of it; what still fills is booked as an adjustment.
        wanted: quantity and trigger that the last replacement asked for.
        taken_back: units of real fills that were busted and not corrected; the broker may count them as filled.
        synthetic: fills we made up for want of the broker's own, by execution id.
        is_held: it waits here for what it is linked to; shown as HELD, while the state is what the tape made of it.
        asked: quantity of the last replacement in the broker's terms, without what other incarnations have filled.
        incarnations: the broker's orders behind it.
        withheld: units of it that the broker's order is without: somebody else has traded what it was to close.
        is_gone: nothing of it is left at the broker, and the core has not been told, because it could only ask again.
    """

    request: OrderRequest
    instrument: int
    row: int
    strategy: str
    seq: int = 0
    leg: int = 0
    owner: int = 0
    state: OrderState = OrderState.CREATED
    quantity: float = 0.0
    filled: float = 0.0
    value: float = 0.0
    broker_id: str = ""
    updated_ns: int = 0
    sent_ns: int = 0
    text: str = ""
    doubt: str = ""
    is_ended: bool = False
    wanted: tuple[float, float] = (0.0, 0.0)
    taken_back: float = 0.0
    synthetic: dict[str, OrderReport] = field(default_factory=dict)
    is_held: bool = False
    asked: float = 0.0
    incarnations: Incarnations = field(default_factory=Incarnations)
    withheld: float = 0.0
    is_gone: bool = False

    @property
    def remaining(self) -> float:
        """Return the units that may still fill."""
        return max(self.quantity - self.filled, 0.0)

    @property
    def at_stake(self) -> float:
        """Return the units that may still fill at worst, former incarnations included."""
        return self.remaining + self.incarnations.loose_units

    @property
    def elsewhere(self) -> float:
        """Return the units filled that the broker's present order of it does not know of."""
        return self.incarnations.beyond(self.broker_id)

    @property
    def is_parked(self) -> bool:
        """Tell whether nothing is left for it at the broker, because somebody else has traded."""
        return self.withheld > 0.0 and self.remaining <= self.withheld + _TINY

    @property
    def has_left(self) -> bool:
        """Tell whether it may be at the broker, or have been there."""
        return self.sent_ns > 0 or bool(self.broker_id)

    @property
    def is_open(self) -> bool:
        """Tell whether it may still fill, as far as we know."""
        return not is_final(self.state)

    @property
    def is_unknown(self) -> bool:
        """Tell whether nobody knows if it lives."""
        return self.state is OrderState.UNKNOWN or self.doubt == "submit"

    @property
    def is_working(self) -> bool:
        """Tell whether the broker has shown that it lives, and nobody has asked it to end."""
        return bool(self.broker_id) and self.state in _WORKING and not self.doubt


@dataclass(frozen=True, slots=True)
class Applied:
    """What a report did: which order it concerns, what is odd about it, and whether the core is to hear of it.

    ``is_late``: a fill that the core's order cannot take any more.
    """

    order: LiveOrder | None
    is_new: bool
    flags: tuple[str, ...] = ()
    is_late: bool = False
