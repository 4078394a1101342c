"""Rolling sum: how much came together over the last ``window`` bars."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "rolling_sum"]

# Summed anew when the sum falls below this share of its recent peak: what large values left behind by rounding
# (about 1e-16 of the peak each bar) must stay far below the 1e-9 the indicators promise.
_CANCELLATION = 1e-4


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one sum over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("at", np.int64),  # next place in the ring
            ("count", np.int64),  # bars seen
            ("total", np.float64),  # sum of the ring
            ("peak", np.float64),  # largest size of the sum since it was last summed anew
            ("value", np.float64),  # the sum, NaN until warm
            ("ring", np.float64, (capacity,)),
        ]
    )


@kernel
def rolling_sum(memory: Any, price: float) -> float:
    """Take one value and return the sum of the last ``window`` values, NaN before there are that many.

    Invariant: summed anew each time the ring wraps and whenever large values have left a small sum behind, so the
    sum of values without sign (gains, ranges, volume) is right to the last digits, and exactly 0 when all are 0.
    """
    at = memory.at
    window = memory.window
    ring = memory.ring
    peak = memory.peak
    total = memory.total + price - ring[at]
    ring[at] = price
    at += 1
    if at >= window:
        at = 0
    size = abs(total)
    if at == 0 or size < _CANCELLATION * peak:
        total = 0.0
        for index in range(window):
            total += ring[index]
        peak = abs(total)
    elif size > peak:
        peak = size
    memory.at = at
    memory.total = total
    memory.peak = peak
    count = memory.count + 1
    memory.count = count
    value = total if count >= window else math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="rolling_sum",
    title="The sum of the last values.",
    inputs=("volume",),
    params={"window": 20},
    outputs=("value",),
    layout=layout,
    update=rolling_sum,
    warmup=lambda params: int(params["window"]),
)
