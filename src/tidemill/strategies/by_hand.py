"""Nothing at all: the strategy of a desk on which people trade, so that their orders have an owner.

It is no entry point: nobody would choose it by name, and it never trades by itself.
"""

from __future__ import annotations

from tidemill.authoring.strategy import Strategy

__all__ = ["ByHand"]


class ByHand(Strategy):
    """Wait: every order of this strategy comes from outside, through the same door as a strategy's own."""

    def step(me, order):
        """Do nothing."""
