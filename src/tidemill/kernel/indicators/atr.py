"""Average true range: how far the price usually travels in one bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.rolling_sum import layout as sum_layout
from tidemill.kernel.indicators.rolling_sum import rolling_sum
from tidemill.kernel.indicators.spec import IndicatorSpec
from tidemill.kernel.indicators.true_range import layout as range_layout
from tidemill.kernel.indicators.true_range import true_range
from tidemill.kernel.indicators.wilder import layout as wilder_layout
from tidemill.kernel.indicators.wilder import wilder

__all__ = ["SPEC", "atr"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one average range over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # ranges
            ("smoothing", np.int64),  # 0 Wilder, 1 plain mean of the last ``window`` ranges
            ("value", np.float64),  # price units, NaN until warm
            ("range", range_layout(capacity)),
            ("average", wilder_layout(capacity)),
            ("ranges", sum_layout(capacity)),
        ]
    )


@kernel
def atr(memory: Any, high: float, low: float, close: float) -> float:
    """Take one bar and return the average of its true range and those before.

    Convention: the first bar has no true range, so the first average, the simple mean of ``window`` ranges, appears
    on bar ``window + 1``, as in TA-Lib; then Wilder's smoothing (``smoothing`` 0) or the plain mean of the last
    ``window`` ranges (1). Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    window = memory.window
    distance = true_range(memory.range, high, low, close)
    value = math.nan
    if memory.range.count > 1:
        if memory.smoothing == 1:
            memory.ranges.window = window
            value = rolling_sum(memory.ranges, distance) / window
        else:
            memory.average.window = window
            value = wilder(memory.average, distance)
    if memory.range.count <= window:
        value = math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="atr",
    title="How far the price usually travels in one bar.",
    inputs=("high", "low", "close"),
    params={"window": 14, "smoothing": 0},
    outputs=("value",),
    layout=layout,
    update=atr,
    warmup=lambda params: int(params["window"]) + 1,
)
