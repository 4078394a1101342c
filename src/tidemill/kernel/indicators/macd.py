"""Moving average convergence/divergence: the gap between a fast and a slow average, and its own average."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.ema import ema
from tidemill.kernel.indicators.ema import layout as ema_layout
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "macd"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of two price averages and the average of their gap."""
    return np.dtype(
        [
            ("fast_window", np.int64),  # bars
            ("slow_window", np.int64),  # bars
            ("signal_window", np.int64),  # bars
            ("count", np.int64),  # bars seen
            ("line", np.float64),  # fast minus slow average, price units
            ("signal", np.float64),  # average of the line
            ("histogram", np.float64),  # line minus signal
            ("fast", ema_layout(capacity)),
            ("slow", ema_layout(capacity)),
            ("smooth", ema_layout(capacity)),
        ]
    )


@kernel
def macd(memory: Any, price: float) -> float:
    """Take one price and return the line, fast minus slow exponential average; signal and histogram are fields.

    Convention: as TA-Lib. Both averages become warm on the same bar, the slow window's: the fast one starts
    ``slow_window - fast_window`` bars later, seeded with the mean of the prices just before. The signal is an
    exponential average of the line, seeded with the mean of its first ``signal_window`` values.
    """
    fast, slow, smooth = memory.fast, memory.slow, memory.smooth
    fast.window = memory.fast_window
    slow.window = memory.slow_window
    smooth.window = memory.signal_window
    count = memory.count + 1
    line = math.nan
    signal = math.nan
    histogram = math.nan
    slow_value = ema(slow, price)
    if count > memory.slow_window - memory.fast_window:
        fast_value = ema(fast, price)
        if count >= memory.slow_window and fast.count >= memory.fast_window:
            line = fast_value - slow_value
            signal = ema(smooth, line)
            if smooth.count >= memory.signal_window:
                histogram = line - signal
    memory.count = count
    memory.line = line
    memory.signal = signal
    memory.histogram = histogram
    return line


SPEC = IndicatorSpec(
    name="macd",
    title="The gap between a fast and a slow average, and the average of that gap.",
    inputs=("close",),
    params={"fast_window": 12, "slow_window": 26, "signal_window": 9},
    outputs=("line", "signal", "histogram"),
    layout=layout,
    update=macd,
    warmup=lambda params: int(max(params["fast_window"], params["slow_window"]) + params["signal_window"]) - 1,
)
