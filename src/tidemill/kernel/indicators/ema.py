"""Exponential moving average: recent prices count most, none is ever quite forgotten."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "ema"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one average; it needs no ring, whatever the ``capacity``."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("count", np.int64),  # bars seen
            ("average", np.float64),  # the sum until warm, then the average
            ("value", np.float64),  # the average, NaN until warm
        ]
    )


@kernel
def ema(memory: Any, price: float) -> float:
    """Take one price and return the exponential average with weight ``2 / (window + 1)`` on the newest price.

    Convention: seeded with the simple mean of the first ``window`` prices, as TA-Lib does, then
    ``average += (price - average) * 2 / (window + 1)``.
    """
    window = memory.window
    average = memory.average
    count = memory.count + 1
    if count > window:
        average += (price - average) * (2.0 / (window + 1))
    else:
        average += price
        if count == window:
            average /= window
    memory.count = count
    memory.average = average
    value = average if count >= window else math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="ema",
    title="A mean of prices in which the newest counts most.",
    inputs=("close",),
    params={"window": 20},
    outputs=("value",),
    layout=layout,
    update=ema,
    warmup=lambda params: int(params["window"]),
)
