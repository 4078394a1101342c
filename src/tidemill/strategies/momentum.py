"""Momentum: buy strength (or an oversold market that already turns), sell what is exhausted."""

from __future__ import annotations

from collections.abc import Mapping

from tidemill.authoring.fields import Param
from tidemill.authoring.indicators import ROC, RSI
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.indicators.roc import roc
from tidemill.kernel.indicators.rsi import rsi
from tidemill.kernel.proposals import buy, sell
from tidemill.model.enums import Reason

__all__ = ["Momentum"]

_OVERSOLD = int(Reason.RSI_OVERSOLD)
_OVERBOUGHT = int(Reason.RSI_OVERBOUGHT)
_BREAKOUT = int(Reason.MOMENTUM_BREAKOUT)
_EXHAUSTION = int(Reason.MOMENTUM_EXHAUSTION)


class Momentum(Strategy):
    """Buy a strong rise that is not overbought yet, sell when overbought or when the rise has turned; never short.

    Four labels tell the trades apart: RSI_OVERSOLD (RSI low, price already rising; rare), MOMENTUM_BREAKOUT,
    RSI_OVERBOUGHT, MOMENTUM_EXHAUSTION. RSI after Wilder; momentum is the change since some bars ago, a ratio.
    """

    rsi_window = Param(14, low=2, high=512, unit="bars", doc="How many changes the RSI takes.")
    rsi_oversold = Param(
        30.0, low=0.0, high=100.0, unit="RSI points", doc="At or below it a market counts as oversold."
    )
    rsi_overbought = Param(
        70.0, low=0.0, high=100.0, unit="RSI points", doc="At or above it a market counts as overbought."
    )
    momentum_window = Param(10, low=1, high=512, unit="bars", doc="How many bars back the change is measured.")
    momentum_threshold = Param(
        0.02, low=0.0, high=1.0, unit="ratio", doc="Rise that is a breakout, and fall that is exhaustion."
    )
    strength = RSI(window="rsi_window")
    change = ROC(window="momentum_window")

    @staticmethod
    def check(params: Mapping[str, float]) -> str:
        """Refuse an oversold mark that is not below the overbought one."""
        return "" if params["rsi_oversold"] < params["rsi_overbought"] else "rsi_oversold must be below rsi_overbought."

    def step(me, bar, order):
        """Buy or sell with the label of the condition that fired; the RSI conditions are asked first."""
        strength = rsi(me.strength, bar.close)
        change = roc(me.change, bar.close)
        if order.pending == 1:
            return
        if order.held <= 0.0:
            if strength <= me.rsi_oversold and change > 0.0:
                buy(order, reason=_OVERSOLD)
            elif change >= me.momentum_threshold and strength < me.rsi_overbought:
                buy(order, reason=_BREAKOUT)
        elif strength >= me.rsi_overbought:
            sell(order, reason=_OVERBOUGHT)
        elif change <= -me.momentum_threshold:
            sell(order, reason=_EXHAUSTION)
