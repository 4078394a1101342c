"""True range: how far the price travelled in a bar, the gap since the last close included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "true_range"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one range; it needs no ring, whatever the ``capacity``."""
    return np.dtype(
        [
            ("count", np.int64),  # bars seen
            ("close", np.float64),  # the close before
            ("value", np.float64),  # price units, NaN on the first bar
        ]
    )


@kernel
def true_range(memory: Any, high: float, low: float, close: float) -> float:
    """Take one bar and return the largest of ``high - low``, ``|high - last close|`` and ``|low - last close|``.

    Convention: NaN on the first bar, which has no close before it, as TA-Lib does. Source: J. Welles Wilder, New
    Concepts in Technical Trading Systems, 1978.
    """
    count = memory.count + 1
    value = math.nan
    if count > 1:
        last = memory.close
        value = max(high - low, abs(high - last), abs(low - last))
    memory.count = count
    memory.close = close
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="true_range",
    title="How far the price travelled in a bar, the gap since the last close included.",
    inputs=("high", "low", "close"),
    params={},
    outputs=("value",),
    layout=layout,
    update=true_range,
    warmup=lambda params: 2,
)
