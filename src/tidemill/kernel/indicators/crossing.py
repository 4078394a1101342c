"""Crossing: the bar on which one line passes another."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "crossing"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one crossing; it needs no ring, whatever the ``capacity``."""
    return np.dtype(
        [
            ("count", np.int64),  # bars seen
            ("fast", np.float64),  # of the bar before
            ("slow", np.float64),  # of the bar before
            ("value", np.float64),  # +1 up, -1 down, 0 none
        ]
    )


@kernel
def crossing(memory: Any, fast: float, slow: float) -> float:
    """Take two values and return +1 on the bar where fast passes above slow, -1 on the mirror, else 0.

    Convention: up means ``previous fast <= previous slow`` and ``fast > slow``, so leaving a tie counts and reaching
    one does not. While any of the four values is NaN the answer is 0, never NaN.
    """
    count = memory.count + 1
    value = 0.0
    if count > 1:
        if memory.fast <= memory.slow and fast > slow:
            value = 1.0
        elif memory.fast >= memory.slow and fast < slow:
            value = -1.0
    memory.count = count
    memory.fast = fast
    memory.slow = slow
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="crossing",
    title="The bar on which one line passes another: +1 upward, -1 downward.",
    inputs=("fast", "slow"),
    params={},
    outputs=("value",),
    layout=layout,
    update=crossing,
    warmup=lambda params: 2,
)
