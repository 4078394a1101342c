"""On-balance volume: volume added on rising closes, taken away on falling ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "obv"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one running volume; it needs no ring, whatever the ``capacity``."""
    return np.dtype(
        [
            ("count", np.int64),  # bars seen
            ("close", np.float64),  # the close before
            ("value", np.float64),  # volume units
        ]
    )


@kernel
def obv(memory: Any, close: float, volume: float) -> float:
    """Take one bar and return the running balance of volume.

    Convention: the balance starts with the first bar's volume, as TA-Lib does; an equal close changes nothing. Only
    its direction means something, its height depends on where it began. Source: Joseph Granville, 1963.
    """
    count = memory.count + 1
    value = volume
    if count > 1:
        value = memory.value
        if close > memory.close:
            value += volume
        elif close < memory.close:
            value -= volume
    memory.count = count
    memory.close = close
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="obv",
    title="Volume added on rising closes, taken away on falling ones.",
    inputs=("close", "volume"),
    params={},
    outputs=("value",),
    layout=layout,
    update=obv,
    warmup=lambda params: 1,
)
