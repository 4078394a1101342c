"""Rolling standard deviation: how far the last ``window`` prices lie from their mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "rolling_std"]

# Measured anew when the spread falls below this share of its recent peak: what large deviations left behind by
# rounding (about 1e-16 of the peak each bar) must stay far below the 1e-9 the indicators promise.
_CANCELLATION = 1e-4


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one deviation over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("ddof", np.int64),  # 0 population, 1 sample
            ("at", np.int64),  # next place in the ring
            ("count", np.int64),  # bars seen
            ("reference", np.float64),  # a price of the last two windows, from which deviations are measured
            ("first", np.float64),  # sum of deviations
            ("second", np.float64),  # sum of squared deviations
            ("peak", np.float64),  # largest ``second`` since it was last summed anew
            ("center", np.float64),  # mean of the window, NaN until warm
            ("offset", np.float64),  # newest price minus that mean, exact to its own last digits
            ("value", np.float64),  # the standard deviation, NaN until warm
            ("ring", np.float64, (capacity,)),
        ]
    )


@kernel
def rolling_std(memory: Any, price: float) -> float:
    """Take one price and return the standard deviation of the last ``window`` prices, dividing by ``window - ddof``.

    Convention: population (``ddof`` 0) by default, as in Bollinger bands; NaN where ``window <= ddof``.
    Invariant: deviations are measured from a nearby price and summed anew each time the ring wraps and whenever the
    spread has become small against its recent peak, so rounding never accumulates and equal prices give exactly 0.
    """
    at = memory.at
    window = memory.window
    ring = memory.ring
    count = memory.count + 1
    reference = memory.reference if count > 1 else price
    deviation = price - reference
    first = memory.first + deviation
    second = memory.second + deviation * deviation
    if count > window:
        leaving = ring[at] - reference
        first -= leaving
        second -= leaving * leaving
    ring[at] = price
    at += 1
    if at >= window:
        at = 0
    peak = memory.peak
    spread = second - first * first / window
    if count >= window and (at == 0 or spread < _CANCELLATION * peak):
        reference = price
        first = 0.0
        second = 0.0
        for index in range(window):
            deviation = ring[index] - reference
            first += deviation
            second += deviation * deviation
        peak = second
        spread = second - first * first / window
    elif second > peak:
        peak = second
    memory.at = at
    memory.count = count
    memory.reference = reference
    memory.first = first
    memory.second = second
    memory.peak = peak
    divisor = window - memory.ddof
    value = math.nan
    center = math.nan
    offset = math.nan
    if count >= window:
        center = reference + first / window
        offset = price - reference - first / window
        if divisor > 0:
            value = math.sqrt(spread / divisor) if spread > 0.0 else 0.0
    memory.center = center
    memory.offset = offset
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="rolling_std",
    title="How far the last prices typically lie from their mean.",
    inputs=("close",),
    params={"window": 20, "ddof": 0},
    outputs=("value",),
    layout=layout,
    update=rolling_std,
    warmup=lambda params: int(params["window"]),
)
