"""Buy and hold: the yardstick every other strategy must beat."""

from __future__ import annotations

from tidemill.authoring.fields import Memory
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.proposals import buy

__all__ = ["BuyAndHold"]


class BuyAndHold(Strategy):
    """Buy once on the first bar and hold; never sell, never buy again.

    An entry that is refused or not filled is tried again on the next bar. If a stop of the settings closes the
    position, it stays closed. Size the position in the settings, for example ``percent:100``.
    """

    bought = Memory(0, doc="1 once a position has been held.")

    def step(me, order):
        """Buy while nothing has been bought yet."""
        if order.held != 0.0:
            me.bought = 1
        if me.bought == 0 and order.pending == 0:
            buy(order)
