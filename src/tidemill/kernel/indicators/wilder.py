"""Wilder's smoothing: the slow average inside RSI, ATR and ADX (also called RMA or SMMA)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "wilder"]


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
def wilder(memory: Any, price: float) -> float:
    """Take one value and return the average in which the newest weighs ``1 / window``.

    Convention (J. Welles Wilder, New Concepts in Technical Trading Systems, 1978): the first average is the simple
    mean of ``window`` values, each next one ``(average * (window - 1) + value) / window``.
    """
    window = memory.window
    average = memory.average
    count = memory.count + 1
    if count > window:
        average = (average * (window - 1) + price) / window
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
    name="wilder",
    title="Wilder's slow average: each new value weighs one part in the window.",
    inputs=("close",),
    params={"window": 14},
    outputs=("value",),
    layout=layout,
    update=wilder,
    warmup=lambda params: int(params["window"]),
)
