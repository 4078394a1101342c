"""Rolling minimum: the lowest of the last ``window`` values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "rolling_min"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one extreme over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("at", np.int64),  # next place in the ring
            ("count", np.int64),  # bars seen
            ("recent", np.float64),  # the lowest since the ring last wrapped
            ("value", np.float64),  # the lowest, NaN until warm
            ("ring", np.float64, (capacity,)),
        ]
    )


@kernel
def rolling_min(memory: Any, price: float) -> float:
    """Take one value and return the lowest of the last ``window`` values, NaN before there are that many.

    Invariant: a window is the tail of the block before the ring last wrapped plus the values since. The wrap turns
    the block into the lowest from each place to its end, so every bar costs one comparison and none a search.
    """
    at = memory.at
    window = memory.window
    ring = memory.ring
    count = memory.count + 1
    recent = memory.recent
    recent = price if at == 0 else min(recent, price)
    value = recent
    ring[at] = price
    at += 1
    if at >= window:
        at = 0
        extreme = price
        for index in range(window - 2, -1, -1):
            extreme = min(extreme, ring[index])
            ring[index] = extreme
    elif count > window:
        value = min(recent, ring[at])
    memory.at = at
    memory.count = count
    memory.recent = recent
    value = value if count >= window else math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="rolling_min",
    title="The lowest of the last values.",
    inputs=("low",),
    params={"window": 20},
    outputs=("value",),
    layout=layout,
    update=rolling_min,
    warmup=lambda params: int(params["window"]),
)
