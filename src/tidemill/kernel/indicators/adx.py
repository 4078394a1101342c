"""Average directional index: how strong a trend is, and which side leads it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec
from tidemill.kernel.indicators.true_range import layout as range_layout
from tidemill.kernel.indicators.true_range import true_range
from tidemill.kernel.indicators.wilder import layout as wilder_layout
from tidemill.kernel.indicators.wilder import wilder

__all__ = ["SPEC", "adx"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one index; it needs no ring, whatever the ``capacity``."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("count", np.int64),  # bars seen
            ("high", np.float64),  # of the bar before
            ("low", np.float64),  # of the bar before
            ("up", np.float64),  # smoothed sum of upward movement, price units
            ("down", np.float64),  # smoothed sum of downward movement, price units
            ("travel", np.float64),  # smoothed sum of true ranges, price units
            ("adx", np.float64),  # 0 to 100, NaN until warm
            ("plus_di", np.float64),  # 0 to 100
            ("minus_di", np.float64),  # 0 to 100
            ("range", range_layout(capacity)),
            ("strength", wilder_layout(capacity)),
        ]
    )


@kernel
def _movement(memory: Any, high: float, low: float, close: float) -> None:
    """Add one bar to the sums; from ``window`` bars on each sum first gives up one part in ``window`` of itself."""
    distance = true_range(memory.range, high, low, close)
    count = memory.count + 1
    up = memory.up
    down = memory.down
    travel = memory.travel
    if count > memory.window:
        up -= up / memory.window
        down -= down / memory.window
        travel -= travel / memory.window
    if count > 1:
        rise = high - memory.high
        drop = memory.low - low
        if rise > drop and rise > 0.0:
            up += rise
        elif drop > rise and drop > 0.0:
            down += drop
        travel += distance
    memory.count = count
    memory.high = high
    memory.low = low
    memory.up = up
    memory.down = down
    memory.travel = travel


@kernel
def adx(memory: Any, high: float, low: float, close: float) -> float:
    """Take one bar and return the index; the directional indicators of both sides are fields.

    Convention: as TA-Lib. The sums begin with ``window - 1`` movements, so both directional indicators appear on bar
    ``window + 1`` and the index, seeded with the simple mean of ``window`` values, on bar ``2 * window``. Without
    any range the directional indicators are 0; a bar without direction leaves the index as it was.
    Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    _movement(memory, high, low, close)
    window = memory.window
    strength = memory.strength
    strength.window = window
    plus_di = math.nan
    minus_di = math.nan
    if memory.count > window:
        travel = memory.travel
        plus_di = 100.0 * (memory.up / travel) if travel > 0.0 else 0.0
        minus_di = 100.0 * (memory.down / travel) if travel > 0.0 else 0.0
        both = plus_di + minus_di
        if both > 0.0:
            wilder(strength, 100.0 * (abs(plus_di - minus_di) / both))
        elif strength.count < window:
            wilder(strength, 0.0)
    value = strength.average if strength.count >= window else math.nan
    memory.adx = value
    memory.plus_di = plus_di
    memory.minus_di = minus_di
    return value


SPEC = IndicatorSpec(
    name="adx",
    title="How strong a trend is (0 to 100), and which side leads it.",
    inputs=("high", "low", "close"),
    params={"window": 14},
    outputs=("adx", "plus_di", "minus_di"),
    layout=layout,
    update=adx,
    warmup=lambda params: 2 * int(params["window"]),
)
