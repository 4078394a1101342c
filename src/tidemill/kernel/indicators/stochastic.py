"""Stochastic oscillator: where the close lies between the recent low and the recent high, 0 to 100."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.rolling_max import layout as max_layout
from tidemill.kernel.indicators.rolling_max import rolling_max
from tidemill.kernel.indicators.rolling_min import layout as min_layout
from tidemill.kernel.indicators.rolling_min import rolling_min
from tidemill.kernel.indicators.sma import layout as sma_layout
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "stochastic"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one oscillator over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("k_window", np.int64),  # bars of the range
            ("k_smooth_window", np.int64),  # bars; 1 makes it the fast, 3 the slow oscillator
            ("d_window", np.int64),  # bars
            ("k", np.float64),  # 0 to 100, NaN until warm
            ("d", np.float64),  # average of k
            ("highest", max_layout(capacity)),
            ("lowest", min_layout(capacity)),
            ("k_average", sma_layout(capacity)),
            ("d_average", sma_layout(capacity)),
        ]
    )


@kernel
def stochastic(memory: Any, high: float, low: float, close: float) -> float:
    """Take one bar and return %K, smoothed by a simple mean of ``k_smooth_window``; %D, its simple mean, is a field.

    Convention: raw %K is ``100 * (close - lowest low) / (highest high - lowest low)``, the current bar included. In a
    window without any range it is 50: such a market is neither overbought nor oversold (TA-Lib says 0).
    """
    highest, lowest = memory.highest, memory.lowest
    k_average, d_average = memory.k_average, memory.d_average
    highest.window = memory.k_window
    lowest.window = memory.k_window
    k_average.window = memory.k_smooth_window
    d_average.window = memory.d_window
    top = rolling_max(highest, high)
    bottom = rolling_min(lowest, low)
    k = math.nan
    d = math.nan
    if highest.count >= memory.k_window:
        span = top - bottom
        k = sma(k_average, 100.0 * ((close - bottom) / span) if span > 0.0 else 50.0)
        if k_average.count >= memory.k_smooth_window:
            d = sma(d_average, k)
    memory.k = k
    memory.d = d
    return k


SPEC = IndicatorSpec(
    name="stochastic",
    title="Where the close lies between the recent low and the recent high, 0 to 100.",
    inputs=("high", "low", "close"),
    params={"k_window": 14, "k_smooth_window": 3, "d_window": 3},
    outputs=("k", "d"),
    layout=layout,
    update=stochastic,
    warmup=lambda params: int(params["k_window"] + params["k_smooth_window"] + params["d_window"]) - 2,
)
