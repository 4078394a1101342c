"""Z-score: how many standard deviations the price lies from its own recent mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.rolling_std import layout as std_layout
from tidemill.kernel.indicators.rolling_std import rolling_std
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "zscore"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one score over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("value", np.float64),  # standard deviations, NaN until warm
            ("deviation", std_layout(capacity)),
        ]
    )


@kernel
def zscore(memory: Any, price: float) -> float:
    """Take one price and return ``(price - mean) / standard deviation`` over the last ``window`` prices.

    Convention: population standard deviation; the window includes the current price; 0 where all prices are equal.
    """
    deviation = memory.deviation
    deviation.window = memory.window
    spread = rolling_std(deviation, price)
    value = math.nan
    if deviation.count >= memory.window:
        value = deviation.offset / spread if spread > 0.0 else 0.0
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="zscore",
    title="How unusual the price is against its own recent mean, in standard deviations.",
    inputs=("close",),
    params={"window": 20},
    outputs=("value",),
    layout=layout,
    update=zscore,
    warmup=lambda params: int(params["window"]),
)
