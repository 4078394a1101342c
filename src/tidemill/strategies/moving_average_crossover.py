"""Moving-average crossover: follow the trend from the bar on which a fast average passes a slow one."""

from __future__ import annotations

from collections.abc import Mapping

from tidemill.authoring.fields import Choice, Param
from tidemill.authoring.indicators import EMA, SMA, Crossing
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.indicators.crossing import crossing
from tidemill.kernel.indicators.ema import ema
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.proposals import buy, sell

__all__ = ["MovingAverageCrossover"]


class MovingAverageCrossover(Strategy):
    """Buy on the bar where the fast average passes above the slow one, sell where it passes below; never short.

    Passing above means: at or below it on the bar before, above it now. The first crossing can be seen on bar
    ``slow_window + 1``. The exponential average runs on from the first bar.
    """

    fast_window = Param(10, low=1, high=512, unit="bars", doc="How many closes the fast average takes.")
    slow_window = Param(30, low=2, high=512, unit="bars", doc="How many closes the slow average takes.")
    ma_type = Choice("sma", "ema", doc="Simple average, or exponential with the newest closes counting most.")
    fast_sma = SMA(window="fast_window")
    slow_sma = SMA(window="slow_window")
    fast_ema = EMA(window="fast_window")
    slow_ema = EMA(window="slow_window")
    cross = Crossing()

    @staticmethod
    def check(params: Mapping[str, float]) -> str:
        """Refuse a fast window that is not shorter than the slow one."""
        if params["fast_window"] < params["slow_window"]:
            return ""
        return f"fast_window ({params['fast_window']:g}) must be below slow_window ({params['slow_window']:g})."

    def step(me, bar, order):
        """Buy on a crossing upward when not long, sell on a crossing downward when long."""
        if me.ma_type == 1:
            fast = ema(me.fast_ema, bar.close)
            slow = ema(me.slow_ema, bar.close)
        else:
            fast = sma(me.fast_sma, bar.close)
            slow = sma(me.slow_sma, bar.close)
        turn = crossing(me.cross, fast, slow)
        if order.pending == 1:
            return
        if turn > 0.0 and order.held <= 0.0:
            buy(order)
        elif turn < 0.0 and order.held > 0.0:
            sell(order)
