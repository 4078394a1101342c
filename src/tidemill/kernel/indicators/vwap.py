"""Volume-weighted average price: what the session's buyers have paid on average."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "vwap"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one average; it needs no ring, whatever the ``capacity``."""
    return np.dtype(
        [
            ("started", np.int64),  # 0 before the first bar
            ("session", np.int64),  # key of the current session
            ("turnover", np.float64),  # sum of typical price times volume since the session began
            ("volume", np.float64),  # sum of volume since the session began
            ("value", np.float64),  # price units, NaN before the session's first volume
        ]
    )


@kernel
def vwap(memory: Any, high: float, low: float, close: float, volume: float, session: int) -> float:
    """Take one bar and return the average typical price of its session so far, weighted by volume.

    Convention: typical price is ``(high + low + close) / 3``; a bar whose ``session`` key (any integer, for example
    the session's day) differs from the last one starts anew; NaN until the session has volume.
    """
    turnover = memory.turnover
    total = memory.volume
    if memory.started == 0 or memory.session != session:
        turnover = 0.0
        total = 0.0
    turnover += (high + low + close) / 3.0 * volume
    total += volume
    memory.started = 1
    memory.session = session
    memory.turnover = turnover
    memory.volume = total
    value = turnover / total if total > 0.0 else math.nan
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="vwap",
    title="What the session's buyers have paid on average.",
    inputs=("high", "low", "close", "volume", "session"),
    params={},
    outputs=("value",),
    layout=layout,
    update=vwap,
    warmup=lambda params: 1,
)
