"""Delay: the value of ``window`` bars ago."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "delay"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one delay of at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars of delay
            ("at", np.int64),  # next place in the ring
            ("count", np.int64),  # bars seen
            ("value", np.float64),  # the delayed value, NaN until warm
            ("ring", np.float64, (capacity,)),
        ]
    )


@kernel
def delay(memory: Any, price: float) -> float:
    """Take one value and return the one of ``window`` bars ago, NaN on the first ``window`` bars."""
    at = memory.at
    window = memory.window
    ring = memory.ring
    count = memory.count + 1
    value = ring[at] if count > window else math.nan
    ring[at] = price
    at += 1
    memory.at = at if at < window else 0
    memory.count = count
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="delay",
    title="The value of some bars ago.",
    inputs=("close",),
    params={"window": 1},
    outputs=("value",),
    layout=layout,
    update=delay,
    warmup=lambda params: int(params["window"]) + 1,
)
