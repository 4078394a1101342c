"""Mean reversion: what has strayed far from its average tends to come back."""

from __future__ import annotations

from tidemill.authoring.fields import Param
from tidemill.authoring.indicators import SMA
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.proposals import buy, sell

__all__ = ["MeanReversion"]


class MeanReversion(Strategy):
    """Buy far below the average of recent closes, sell far above it; never short.

    The deviation is ``(close - average) / average``; the average includes the current close.
    """

    window = Param(20, low=2, high=512, unit="bars", doc="How many closes the average takes, the current one included.")
    threshold = Param(0.05, low=0.0001, high=1.0, unit="ratio", doc="How far from the average the close must lie.")
    middle = SMA(window="window")

    def step(me, bar, order):
        """Buy at or below ``-threshold`` when not long, sell at or above ``+threshold`` when long."""
        middle = sma(me.middle, bar.close)
        deviation = (bar.close - middle) / middle
        if order.pending == 1:
            return
        if deviation <= -me.threshold and order.held <= 0.0:
            buy(order)
        elif deviation >= me.threshold and order.held > 0.0:
            sell(order)
