"""Rolling maximum: the highest of the last ``window`` values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "rolling_max"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one extreme over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("at", np.int64),  # next place in the ring
            ("count", np.int64),  # bars seen
            ("recent", np.float64),  # the highest since the ring last wrapped
            ("value", np.float64),  # the highest, NaN until warm
            ("ring", np.float64, (capacity,)),
        ]
    )


@kernel
def rolling_max(memory: Any, price: float) -> float:
    """Take one value and return the highest of the last ``window`` values, NaN before there are that many.

    Invariant: a window is the tail of the block before the ring last wrapped plus the values since. The wrap turns
    the block into the highest from each place to its end, so every bar costs one comparison and none a search.
    """
    at = memory.at
    window = memory.window
    ring = memory.ring
    count = memory.count + 1
    recent = memory.recent
    recent = price if at == 0 else max(recent, price)
    value = recent
    ring[at] = price
    at += 1
    if at >= window:
        at = 0
        extreme = price
        for index in range(window - 2, -1, -1):
            extreme = max(extreme, ring[index])
            ring[index] = extreme
    elif count > window:
        value = max(recent, ring[at])
    memory.at = at
    memory.count = count
    memory.recent = recent
    value = value if count >= window else math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="rolling_max",
    title="The highest of the last values.",
    inputs=("high",),
    params={"window": 20},
    outputs=("value",),
    layout=layout,
    update=rolling_max,
    warmup=lambda params: int(params["window"]),
)
