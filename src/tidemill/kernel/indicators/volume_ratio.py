"""Volume ratio: how busy this bar is against the usual bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.rolling_sum import layout as sum_layout
from tidemill.kernel.indicators.rolling_sum import rolling_sum
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "volume_ratio"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one ratio over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("window", np.int64),  # bars
            ("previous", np.int64),  # 0 mean with the current bar, 1 only of the bars before it
            ("value", np.float64),  # ratio, 2 is twice the usual volume; NaN until warm
            ("volumes", sum_layout(capacity)),
        ]
    )


@kernel
def volume_ratio(memory: Any, volume: float) -> float:
    """Take one bar's volume and return it as a ratio to the mean of ``window`` bars.

    Convention: the mean includes the current bar; ``previous`` 1 leaves it out. Where the mean is 0, as in data
    without volume, the ratio is 1: volume that is not known neither confirms nor forbids.
    """
    volumes = memory.volumes
    window = memory.window
    volumes.window = window
    before = volumes.total
    rolling_sum(volumes, volume)
    total = before if memory.previous == 1 else volumes.total
    value = math.nan
    if volumes.count >= window + memory.previous:
        value = volume * window / total if total > 0.0 else 1.0
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="volume_ratio",
    title="How busy this bar is against the usual bar.",
    inputs=("volume",),
    params={"window": 20, "previous": 0},
    outputs=("value",),
    layout=layout,
    update=volume_ratio,
    warmup=lambda params: int(params["window"]) + int(params["previous"]),
)
