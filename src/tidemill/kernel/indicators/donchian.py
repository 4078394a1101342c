"""Donchian channel: the highest high and the lowest low of the last bars."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.rolling_max import layout as max_layout
from tidemill.kernel.indicators.rolling_max import rolling_max
from tidemill.kernel.indicators.rolling_min import layout as min_layout
from tidemill.kernel.indicators.rolling_min import rolling_min
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "donchian"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one channel over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("previous", np.int64),  # 0 with the current bar, 1 only the bars before it
            ("upper", np.float64),  # price units, NaN until warm
            ("lower", np.float64),
            ("middle", np.float64),
            ("highest", max_layout(capacity)),
            ("lowest", min_layout(capacity)),
        ]
    )


@kernel
def donchian(memory: Any, high: float, low: float) -> float:
    """Take one bar and return the highest high of ``window`` bars; lower side and middle are fields.

    Convention: ``previous`` 1 leaves the current bar out, as a breakout needs it: no price can exceed a maximum that
    contains it.
    """
    highest, lowest = memory.highest, memory.lowest
    highest.window = memory.window
    lowest.window = memory.window
    before_upper = highest.value if highest.count >= memory.window else math.nan
    before_lower = lowest.value if highest.count >= memory.window else math.nan
    upper: float = rolling_max(highest, high)
    lower = rolling_min(lowest, low)
    if memory.previous == 1:
        upper = before_upper
        lower = before_lower
    middle = math.nan
    if highest.count >= memory.window + memory.previous:
        middle = 0.5 * (upper + lower)
    memory.upper = upper
    memory.lower = lower
    memory.middle = middle
    return upper


SPEC = IndicatorSpec(
    name="donchian",
    title="The highest high and the lowest low of the last bars.",
    inputs=("high", "low"),
    params={"window": 20, "previous": 0},
    outputs=("upper", "lower", "middle"),
    layout=layout,
    update=donchian,
    warmup=lambda params: int(params["window"]) + int(params["previous"]),
)
