"""Rule-based SMA, RSI and MACD: three opinions must agree on one bar."""

from __future__ import annotations

from collections.abc import Mapping

from tidemill.authoring.fields import Choice, Param
from tidemill.authoring.indicators import MACD, RSI, SMA, Crossing
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.indicators.crossing import crossing
from tidemill.kernel.indicators.macd import macd
from tidemill.kernel.indicators.rsi import rsi
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.proposals import go_long, go_short, sell

__all__ = ["RuleBased"]

_BUY_RSI_SPAN = 40.0  # RSI points from the neutral band's low end (30) to its high end (70): full strength
_RSI_MIDDLE = 50.0


class RuleBased(Strategy):
    """Buy when price, RSI and MACD agree upward, sell when they agree downward.

    BUY: close above both averages, RSI strictly between its bounds, MACD line crosses above its signal on this bar.
    SELL: close below both averages, RSI outside its bounds, MACD line crosses below. A sell asks for an extreme RSI
    below both averages, so it is rare; protective stops and targets belong into the settings.

    Size: with ``sizing=strength`` an entry asks for ``equity * position_size * strength / close`` units, strength
    being ``(RSI - rsi_low) / 40`` capped at 1 for a buy and ``|RSI - 50| / 50`` for a sell; equity is the current one.
    An entry states its strength as its confidence (0 to 100), so limits may ask for a least one.
    That is right for stocks in the account's currency; for futures and foreign instruments choose
    ``sizing=settings``, which leaves the size to the run's settings.

    With ``direction=long_only`` a sell closes a long position; with ``both`` an opposite signal reverses, which needs
    short selling allowed in the settings (otherwise the refusal is recorded and the position stays).
    """

    fast_window = Param(20, low=2, high=512, unit="bars", doc="Closes in the shorter average.")
    slow_window = Param(50, low=2, high=512, unit="bars", doc="Closes in the longer average.")
    rsi_window = Param(14, low=2, high=512, unit="bars", doc="Changes in the RSI, plain means.")
    rsi_low = Param(30.0, low=0.0, high=50.0, unit="RSI points", doc="A buy needs an RSI above it, a sell below it.")
    rsi_high = Param(70.0, low=50.0, high=100.0, unit="RSI points", doc="A buy needs an RSI below it, a sell above it.")
    macd_fast_window = Param(12, low=1, high=512, unit="bars", doc="Closes in the MACD's fast average.")
    macd_slow_window = Param(26, low=2, high=512, unit="bars", doc="Closes in the MACD's slow average.")
    macd_signal_window = Param(9, low=1, high=512, unit="bars", doc="MACD values in its signal line.")
    position_size = Param(0.1, low=0.001, high=1.0, unit="ratio", doc="Share of equity of an entry at full strength.")
    sizing = Choice("strength", "settings", doc="Size by signal strength, or by the run's sizing method.")
    direction = Choice("long_only", "both", doc="Whether a sell without a long position opens a short one.")
    fast = SMA(window="fast_window")
    slow = SMA(window="slow_window")
    strength = RSI(window="rsi_window", smoothing=1)
    trend = MACD(fast_window="macd_fast_window", slow_window="macd_slow_window", signal_window="macd_signal_window")
    cross = Crossing()

    @staticmethod
    def check(params: Mapping[str, float]) -> str:
        """Refuse pairs of windows or bounds that are the wrong way round."""
        for low, high in (
            ("fast_window", "slow_window"),
            ("macd_fast_window", "macd_slow_window"),
            ("rsi_low", "rsi_high"),
        ):
            if params[low] >= params[high]:
                return f"{low} ({params[low]:g}) must be below {high} ({params[high]:g})."
        return ""

    def step(me, bar, order):
        """Ask the three indicators, then enter, reverse or leave."""
        close = bar.close
        fast = sma(me.fast, close)
        slow = sma(me.slow, close)
        strength = rsi(me.strength, close)
        macd(me.trend, close)
        turn = crossing(me.cross, me.trend.line, me.trend.signal)
        if order.pending == 1:
            return
        budget = order.equity * me.position_size / close if me.sizing == 0 else 0.0
        if turn > 0.0 and close > fast and close > slow and me.rsi_low < strength < me.rsi_high:
            if order.held <= 0.0:
                share = min((strength - me.rsi_low) / _BUY_RSI_SPAN, 1.0)
                go_long(order, quantity=budget * share, confidence=100.0 * share)
        elif turn < 0.0 and close < fast and close < slow and (strength < me.rsi_low or strength > me.rsi_high):
            if me.direction == 1 and order.held >= 0.0:
                share = abs(strength - _RSI_MIDDLE) / _RSI_MIDDLE
                go_short(order, quantity=budget * share, confidence=100.0 * share)
            elif order.held > 0.0:
                sell(order)
