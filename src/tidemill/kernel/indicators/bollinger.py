"""Bollinger bands: a mean and the band of usual prices around it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.ema import ema
from tidemill.kernel.indicators.ema import layout as ema_layout
from tidemill.kernel.indicators.rolling_std import layout as std_layout
from tidemill.kernel.indicators.rolling_std import rolling_std
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "bollinger"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of bands over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("multiplier", np.float64),  # standard deviations from the middle to each band
            ("ma_type", np.int64),  # middle: 0 simple, 1 exponential average
            ("middle", np.float64),  # price units, NaN until warm
            ("upper", np.float64),
            ("lower", np.float64),
            ("average", ema_layout(capacity)),
            ("deviation", std_layout(capacity)),
        ]
    )


@kernel
def bollinger(memory: Any, price: float) -> float:
    """Take one price and return the middle; the bands lie ``multiplier`` population standard deviations away.

    Convention: the deviation is always taken about the simple mean of the last ``window`` prices, also where the
    middle is an exponential average (``ma_type`` 1), as TA-Lib does. Source: John Bollinger, Bollinger on Bollinger
    Bands, 2001.
    """
    deviation = memory.deviation
    deviation.window = memory.window
    distance = memory.multiplier * rolling_std(deviation, price)
    middle: float = deviation.center
    if memory.ma_type == 1:
        average = memory.average
        average.window = memory.window
        middle = ema(average, price)
    upper = math.nan
    lower = math.nan
    if deviation.count >= memory.window:
        upper = middle + distance
        lower = middle - distance
    memory.middle = middle
    memory.upper = upper
    memory.lower = lower
    return middle


SPEC = IndicatorSpec(
    name="bollinger",
    title="A mean and the band of usual prices around it.",
    inputs=("close",),
    params={"window": 20, "multiplier": 2.0, "ma_type": 0},
    outputs=("middle", "upper", "lower"),
    layout=layout,
    update=bollinger,
    warmup=lambda params: int(params["window"]),
)
