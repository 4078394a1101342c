"""Bollinger bands: buy at the edge of the usual range of prices, sell at the other."""

from __future__ import annotations

from tidemill.authoring.fields import Choice, Param
from tidemill.authoring.indicators import Bollinger
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.indicators.bollinger import bollinger
from tidemill.kernel.proposals import buy, sell

__all__ = ["BollingerBands"]


class BollingerBands(Strategy):
    """Buy at or below the lower band when flat, sell at or above the upper band when long; never short.

    Population standard deviation, the current close included. Bands without width, as in a market that has not moved
    for a whole window, say nothing, so nothing is done then.
    """

    window = Param(20, low=2, high=512, unit="bars", doc="How many closes the bands take, the current one included.")
    multiplier = Param(2.0, low=0.1, high=5.0, unit="standard deviations", doc="Distance from the middle to a band.")
    ma_type = Choice("sma", "ema", doc="Average in the middle: simple or exponential.")
    bands = Bollinger(window="window", multiplier="multiplier", ma_type="ma_type")

    def step(me, bar, order):
        """Buy at the lower band when flat, sell at the upper one when long."""
        bands = me.bands
        bollinger(bands, bar.close)
        if order.pending == 1 or not (bands.upper > bands.lower):
            return
        if bar.close <= bands.lower and order.held == 0.0:
            buy(order)
        elif bar.close >= bands.upper and order.held > 0.0:
            sell(order)
