"""Rate of change (momentum): how far the price has moved since ``window`` bars ago, as a ratio."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.delay import delay
from tidemill.kernel.indicators.delay import layout as delay_layout
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "roc"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one rate of change over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars between the two prices
            ("value", np.float64),  # ratio, 0.02 is two percent up; NaN until warm
            ("past", delay_layout(capacity)),
        ]
    )


@kernel
def roc(memory: Any, price: float) -> float:
    """Take one price and return ``price / price of window bars ago - 1``, a ratio.

    Convention: NaN where the past price is exactly 0, since no ratio exists.
    """
    memory.past.window = memory.window
    past = delay(memory.past, price)
    value = math.nan
    if memory.past.count > memory.window and past != 0.0:
        value = price / past - 1.0
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="roc",
    title="How far the price has moved since some bars ago, as a ratio.",
    inputs=("close",),
    params={"window": 10},
    outputs=("value",),
    layout=layout,
    update=roc,
    warmup=lambda params: int(params["window"]) + 1,
)
