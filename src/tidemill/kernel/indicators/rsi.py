"""Relative strength index: how much of the recent movement was upward, from 0 to 100."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.rolling_sum import layout as sum_layout
from tidemill.kernel.indicators.rolling_sum import rolling_sum
from tidemill.kernel.indicators.spec import IndicatorSpec
from tidemill.kernel.indicators.wilder import layout as wilder_layout
from tidemill.kernel.indicators.wilder import wilder

__all__ = ["SPEC", "rsi"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of one index over at most ``capacity`` changes."""
    return np.dtype(
        [
            ("window", np.int64),  # changes
            ("smoothing", np.int64),  # 0 Wilder, 1 plain mean of the last ``window`` changes
            ("count", np.int64),  # bars seen
            ("price", np.float64),  # the price before
            ("value", np.float64),  # 0 to 100, NaN until warm
            ("rise", wilder_layout(capacity)),
            ("fall", wilder_layout(capacity)),
            ("gains", sum_layout(capacity)),
            ("losses", sum_layout(capacity)),
        ]
    )


@kernel
def _averages(memory: Any, gain: float, loss: float) -> tuple[float, float]:
    """Return mean gain and mean loss (or their sums: only their proportion matters)."""
    window = memory.window
    if memory.smoothing == 1:
        memory.gains.window = window
        memory.losses.window = window
        return rolling_sum(memory.gains, gain), rolling_sum(memory.losses, loss)
    memory.rise.window = window
    memory.fall.window = window
    return wilder(memory.rise, gain), wilder(memory.fall, loss)


@kernel
def rsi(memory: Any, price: float) -> float:
    """Take one price and return ``100 * mean gain / (mean gain + mean loss)`` of the changes.

    Convention: Wilder's smoothing (``smoothing`` 0) starts from the simple mean of the first ``window`` changes, as
    TA-Lib does; ``smoothing`` 1 takes the plain mean of the last ``window`` changes. Where nothing moved at all the
    index is 50: such a market is neither overbought nor oversold (TA-Lib says 0).
    Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    count = memory.count + 1
    value = math.nan
    if count > 1:
        change = price - memory.price
        gain = max(0.0, change)
        loss = max(0.0, -change)
        rise, fall = _averages(memory, gain, loss)
        if count > memory.window:
            moved = rise + fall
            value = 100.0 * (rise / moved) if moved > 0.0 else 50.0
    memory.count = count
    memory.price = price
    memory.value = value
    return value


SPEC = IndicatorSpec(
    name="rsi",
    title="How much of the recent movement was upward, from 0 to 100.",
    inputs=("close",),
    params={"window": 14, "smoothing": 0},
    outputs=("value",),
    layout=layout,
    update=rsi,
    warmup=lambda params: int(params["window"]) + 1,
)
