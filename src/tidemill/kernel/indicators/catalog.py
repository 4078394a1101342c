"""Every indicator by name: what strategies, charts, the condition builder and the docs choose from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tidemill.kernel.indicators import (
    adx,
    atr,
    bollinger,
    crossing,
    delay,
    donchian,
    ema,
    ichimoku,
    keltner,
    macd,
    obv,
    roc,
    rolling_max,
    rolling_min,
    rolling_std,
    rolling_sum,
    rsi,
    sma,
    stochastic,
    true_range,
    volume_ratio,
    vwap,
    wilder,
    wma,
    zscore,
)
from tidemill.kernel.indicators.spec import IndicatorSpec
from tidemill.model.errors import UnknownName

__all__ = ["INDICATORS", "find"]

_MODULES = (
    sma,
    ema,
    wma,
    wilder,
    macd,
    rsi,
    stochastic,
    roc,
    true_range,
    atr,
    adx,
    bollinger,
    keltner,
    donchian,
    ichimoku,
    rolling_min,
    rolling_max,
    rolling_sum,
    rolling_std,
    zscore,
    vwap,
    obv,
    volume_ratio,
    crossing,
    delay,
)

INDICATORS: Mapping[str, IndicatorSpec] = MappingProxyType({module.SPEC.name: module.SPEC for module in _MODULES})


def find(name: str) -> IndicatorSpec:
    """Return the indicator of a name.

    Args:
        name: lower-case name, such as ``rsi``.

    Raises:
        UnknownName: there is no such indicator; the nearest names are offered.
    """
    if name not in INDICATORS:
        raise UnknownName("indicator", name, INDICATORS)
    return INDICATORS[name]
