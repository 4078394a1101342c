"""Weighted moving average: weights fall in a straight line from the newest price to the oldest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "wma"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one average over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("at", np.int64),  # next place in the ring
            ("count", np.int64),  # bars seen
            ("total", np.float64),  # plain sum of the ring
            ("weighted", np.float64),  # sum of the ring, the newest times window, the oldest times 1
            ("value", np.float64),  # the average, NaN until warm
            ("ring", np.float64, (capacity,)),
        ]
    )


@kernel
def wma(memory: Any, price: float) -> float:
    """Take one price and return the average with weights ``window, window - 1, ... 1`` from the newest back.

    Invariant: one bar later every weight is one less, so the weighted sum falls by the plain sum; both are summed
    anew each time the ring wraps, so rounding never accumulates beyond one window.
    """
    at = memory.at
    window = memory.window
    ring = memory.ring
    total = memory.total
    weighted = memory.weighted + window * price - total
    total += price - ring[at]
    ring[at] = price
    at += 1
    if at >= window:
        at = 0
        total = 0.0
        weighted = 0.0
        for index in range(window):
            total += ring[index]
            weighted += (index + 1) * ring[index]
    memory.at = at
    memory.total = total
    memory.weighted = weighted
    count = memory.count + 1
    memory.count = count
    value = weighted / (window * (window + 1) / 2) if count >= window else math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="wma",
    title="A mean of prices whose weights fall in a straight line with age.",
    inputs=("close",),
    params={"window": 20},
    outputs=("value",),
    layout=layout,
    update=wma,
    warmup=lambda params: int(params["window"]),
)
