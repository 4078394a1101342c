"""Breakout: buy when the close leaves the range of the bars before it, on busy trading."""

from __future__ import annotations

from tidemill.authoring.fields import Param
from tidemill.authoring.indicators import Donchian, VolumeRatio
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.indicators.donchian import donchian
from tidemill.kernel.indicators.volume_ratio import volume_ratio
from tidemill.kernel.proposals import buy, sell

__all__ = ["Breakout"]


class Breakout(Strategy):
    """Buy a close well above the highest close of the bars before, sell one well below the lowest; never short.

    Both levels and the usual volume are taken from the ``lookback_window`` bars BEFORE the current one: no close can
    exceed a maximum that contains it. A bar without volume counts as volume 1, so data without any volume have ratio
    1; set ``min_volume_ratio`` to 1 to trade them. Despite its name, ``confirmation_period`` confirms nothing: it is a
    holding time, a position is kept for at least that many bars.
    """

    lookback_window = Param(20, low=1, high=512, unit="bars", doc="How many bars before this one set the range.")
    breakout_threshold = Param(
        0.01, low=0.0, high=1.0, unit="ratio", doc="How far beyond the range the close must lie."
    )
    min_volume_ratio = Param(
        1.5, low=0.0, high=100.0, unit="ratio", doc="Least volume against the mean of the bars before."
    )
    confirmation_period = Param(
        2, low=0, high=10_000, unit="bars", doc="Bars a position is held before it may be sold."
    )
    levels = Donchian(window="lookback_window", previous=1)
    activity = VolumeRatio(window="lookback_window", previous=1)

    def step(me, bar, order):
        """Buy a breakout upward when not long, sell one downward when long and held long enough."""
        levels = me.levels
        donchian(levels, bar.close, bar.close)
        busy = volume_ratio(me.activity, bar.volume if bar.volume > 0.0 else 1.0) >= me.min_volume_ratio
        if order.pending == 1 or not busy:
            return
        if order.held <= 0.0:
            if bar.close > levels.upper * (1.0 + me.breakout_threshold):
                buy(order)
        elif order.bars_held >= me.confirmation_period and bar.close < levels.lower * (1.0 - me.breakout_threshold):
            sell(order)
