"""Indicators as declarations: ``fast = SMA("fast_window")`` in a class body, ``sma(me.fast, bar.close)`` in the step.

Every parameter is a number or the name of one of the strategy's parameters, so a sweep over windows compiles nothing.
The call returns the value, NaN until there are enough bars; further results are fields (``me.bands.upper``). An
indicator must be called on every bar, before any ``return``, or it misses that bar.
"""

from __future__ import annotations

from typing import ClassVar, dataclass_transform

from tidemill.authoring.fields import Indicator
from tidemill.kernel.indicators.catalog import find
from tidemill.kernel.indicators.spec import IndicatorSpec
from tidemill.model.errors import StrategyError

__all__ = [
    "ADX",
    "ATR",
    "DECLARATIONS",
    "EMA",
    "MACD",
    "OBV",
    "ROC",
    "RSI",
    "SMA",
    "VWAP",
    "WMA",
    "Bollinger",
    "Crossing",
    "Delay",
    "Donchian",
    "Ichimoku",
    "Keltner",
    "NamedIndicator",
    "RollingMax",
    "RollingMin",
    "RollingStd",
    "RollingSum",
    "Stochastic",
    "TrueRange",
    "VolumeRatio",
    "Wilder",
    "ZScore",
]

DECLARATIONS: dict[str, type[NamedIndicator]] = {}  # by the indicator's name, filled by the classes below


@dataclass_transform()
class NamedIndicator(Indicator):
    """Base of the declarations: a subclass names its indicator and lists the parameters with their defaults."""

    indicator: ClassVar[IndicatorSpec]

    def __init_subclass__(cls, name: str) -> None:
        cls.indicator = find(name)
        DECLARATIONS[name] = cls

    def __init__(self, *values: float | str, **given: float | str) -> None:
        names = tuple(self.indicator.params)
        if len(values) > len(names) or set(names[: len(values)]) & set(given):
            raise StrategyError(f"{type(self).__name__} takes {', '.join(names) or 'no parameters'}, each once.")
        super().__init__(self.indicator, {**dict(zip(names, values, strict=False)), **given})


class SMA(NamedIndicator, name="sma"):
    """Simple moving average: ``sma(me.x, bar.close)``."""

    window: float | str = 20


class EMA(NamedIndicator, name="ema"):
    """Exponential moving average, running since the first bar: ``ema(me.x, bar.close)``."""

    window: float | str = 20


class WMA(NamedIndicator, name="wma"):
    """Weighted moving average, weights falling in a straight line with age: ``wma(me.x, bar.close)``."""

    window: float | str = 20


class Wilder(NamedIndicator, name="wilder"):
    """Wilder's slow average, the one inside RSI, ATR and ADX: ``wilder(me.x, value)``."""

    window: float | str = 14


class MACD(NamedIndicator, name="macd"):
    """Gap between a fast and a slow average: ``macd(me.x, bar.close)``; fields ``line``, ``signal``, ``histogram``."""

    fast_window: float | str = 12
    slow_window: float | str = 26
    signal_window: float | str = 9


class RSI(NamedIndicator, name="rsi"):
    """Relative strength index, 0 to 100: ``rsi(me.x, bar.close)``; smoothing 0 is Wilder's, 1 the plain mean."""

    window: float | str = 14
    smoothing: float | str = 0


class Stochastic(NamedIndicator, name="stochastic"):
    """Close within the recent range, 0 to 100: ``stochastic(me.x, bar.high, bar.low, bar.close)``; ``k``, ``d``."""

    k_window: float | str = 14
    k_smooth_window: float | str = 3
    d_window: float | str = 3


class ROC(NamedIndicator, name="roc"):
    """Rate of change since some bars ago, a ratio: ``roc(me.x, bar.close)``."""

    window: float | str = 10


class TrueRange(NamedIndicator, name="true_range"):
    """Range of the bar, the gap since the last close included: ``true_range(me.x, bar.high, bar.low, bar.close)``."""


class ATR(NamedIndicator, name="atr"):
    """Average true range: ``atr(me.x, bar.high, bar.low, bar.close)``; smoothing 0 is Wilder's, 1 the plain mean."""

    window: float | str = 14
    smoothing: float | str = 0


class ADX(NamedIndicator, name="adx"):
    """Strength of a trend: ``adx(me.x, bar.high, bar.low, bar.close)``; fields ``adx``, ``plus_di``, ``minus_di``."""

    window: float | str = 14


class Bollinger(NamedIndicator, name="bollinger"):
    """Mean and band: ``bollinger(me.x, bar.close)``; fields ``middle``, ``upper``, ``lower``; ma_type 1 is EMA."""

    window: float | str = 20
    multiplier: float | str = 2.0
    ma_type: float | str = 0


class Keltner(NamedIndicator, name="keltner"):
    """Average and ATR band: ``keltner(me.x, bar.high, bar.low, bar.close)``; ``middle``, ``upper``, ``lower``."""

    window: float | str = 20
    atr_window: float | str = 10
    multiplier: float | str = 2.0


class Donchian(NamedIndicator, name="donchian"):
    """Channel of the last bars: ``donchian(me.x, bar.high, bar.low)``; ``upper``, ``lower``, ``middle``.

    ``previous=1`` leaves the current bar out, as a breakout needs it.
    """

    window: float | str = 20
    previous: float | str = 0


class Ichimoku(NamedIndicator, name="ichimoku"):
    """Cloud lines: ``ichimoku(me.x, bar.high, bar.low)``; ``conversion_line``, ``base_line``, both spans."""

    conversion_window: float | str = 9
    base_window: float | str = 26
    span_b_window: float | str = 52


class RollingMin(NamedIndicator, name="rolling_min"):
    """Lowest of the last values, the current one included: ``rolling_min(me.x, bar.low)``."""

    window: float | str = 20


class RollingMax(NamedIndicator, name="rolling_max"):
    """Highest of the last values, the current one included: ``rolling_max(me.x, bar.high)``."""

    window: float | str = 20


class RollingSum(NamedIndicator, name="rolling_sum"):
    """Sum of the last values: ``rolling_sum(me.x, bar.volume)``."""

    window: float | str = 20


class RollingStd(NamedIndicator, name="rolling_std"):
    """Standard deviation of the last values: ``rolling_std(me.x, bar.close)``; ddof 0 population, 1 sample."""

    window: float | str = 20
    ddof: float | str = 0


class ZScore(NamedIndicator, name="zscore"):
    """Distance from the recent mean in standard deviations: ``zscore(me.x, bar.close)``."""

    window: float | str = 20


class VWAP(NamedIndicator, name="vwap"):
    """Volume-weighted price of the session: ``vwap(me.x, bar.high, bar.low, bar.close, bar.volume, clock.day)``."""


class OBV(NamedIndicator, name="obv"):
    """On-balance volume: ``obv(me.x, bar.close, bar.volume)``."""


class VolumeRatio(NamedIndicator, name="volume_ratio"):
    """Volume against the usual bar's: ``volume_ratio(me.x, bar.volume)``; ``previous=1`` leaves the current bar out."""

    window: float | str = 20
    previous: float | str = 0


class Crossing(NamedIndicator, name="crossing"):
    """One line passing another: ``crossing(me.x, fast, slow)`` is +1 on the bar it passes above, -1 below, else 0."""


class Delay(NamedIndicator, name="delay"):
    """The value of some bars ago: ``delay(me.x, bar.close)``."""

    window: float | str = 1
