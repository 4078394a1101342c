"""Simple moving average: the mean of the last ``window`` values, the current one included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "sma"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one average over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("at", np.int64),  # next place in the ring
            ("count", np.int64),  # bars seen
            ("total", np.float64),  # sum of the ring, price units
            ("wraps", np.int64),  # times the ring has wrapped since the total was summed anew
            ("value", np.float64),  # the average, NaN until warm
            ("ring", np.float64, (capacity,)),
        ]
    )


_WRAPS = 16


@kernel
def sma(memory: Any, price: float) -> float:
    """Take one price and return the average of the last ``window`` prices, NaN before there are that many.

    Invariant: ``total`` is summed anew every 16 times the ring wraps, so rounding never accumulates beyond 16 windows.
    """
    at = memory.at
    window = memory.window
    ring = memory.ring
    total = memory.total + (price - ring[at])  # one addition on the way from one bar to the next
    ring[at] = price
    at += 1
    if at >= window:
        at = 0
        wraps = memory.wraps + 1
        if wraps >= _WRAPS:
            wraps = 0
            total = 0.0
            for index in range(window):
                total += ring[index]
        memory.wraps = wraps
    memory.at = at
    memory.total = total
    count = memory.count + 1
    memory.count = count
    value = total / window if count >= window else math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="sma",
    title="The mean of the last prices.",
    inputs=("close",),
    params={"window": 20},
    outputs=("value",),
    layout=layout,
    update=sma,
    warmup=lambda params: int(params["window"]),
)
