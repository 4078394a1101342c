"""Keltner channel: an average and a band as wide as the usual bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.atr import atr
from tidemill.kernel.indicators.atr import layout as atr_layout
from tidemill.kernel.indicators.ema import ema
from tidemill.kernel.indicators.ema import layout as ema_layout
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "keltner"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one channel."""
    return np.dtype(
        [
            ("window", np.int64),  # bars of the middle
            ("atr_window", np.int64),  # bars of the average true range
            ("multiplier", np.float64),  # average true ranges from the middle to each side
            ("middle", np.float64),  # price units, NaN until warm
            ("upper", np.float64),
            ("lower", np.float64),
            ("average", ema_layout(capacity)),
            ("range", atr_layout(capacity)),
        ]
    )


@kernel
def keltner(memory: Any, high: float, low: float, close: float) -> float:
    """Take one bar and return the exponential average of the close; the sides lie ``multiplier`` ranges away.

    Convention: average true range by Wilder's smoothing.
    """
    average, usual = memory.average, memory.range
    average.window = memory.window
    usual.window = memory.atr_window
    middle: float = ema(average, close)
    distance = memory.multiplier * atr(usual, high, low, close)
    upper = math.nan
    lower = math.nan
    if average.count >= memory.window and average.count > memory.atr_window:
        upper = middle + distance
        lower = middle - distance
    memory.middle = middle
    memory.upper = upper
    memory.lower = lower
    return middle


SPEC = IndicatorSpec(
    name="keltner",
    title="An average and a band as wide as the usual bar.",
    inputs=("high", "low", "close"),
    params={"window": 20, "atr_window": 10, "multiplier": 2.0},
    outputs=("middle", "upper", "lower"),
    layout=layout,
    update=keltner,
    warmup=lambda params: max(int(params["window"]), int(params["atr_window"]) + 1),
)
