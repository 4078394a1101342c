"""Buy and hold: the yardstick every other strategy must beat."""

from __future__ import annotations

from tidemill.authoring.strategy import Strategy
from tidemill.kernel.proposals import buy

__all__ = ["BuyAndHold"]


class BuyAndHold(Strategy):
    """Buy once on the first bar and hold; never sell, never buy again.

    An entry that is refused or not filled is tried again on the next bar. If a stop of the settings closes the
    position, be it within the bar that opened it, it stays closed. Size the position in the settings, for example
    ``percent:100``.
    """

    def step(me, order):
        """Buy while nothing has been bought yet."""
        if order.traded == 0 and order.pending == 0:
            buy(order)
