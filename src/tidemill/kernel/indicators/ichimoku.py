"""Ichimoku lines: the middles of a short, a medium and a long range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.donchian import donchian
from tidemill.kernel.indicators.donchian import layout as donchian_layout
from tidemill.kernel.indicators.spec import IndicatorSpec

__all__ = ["SPEC", "ichimoku"]


def layout(capacity: int) -> np.dtype[Any]:
    """Return the memory of three ranges over at most ``capacity`` bars."""
    return np.dtype(
        [
            ("conversion_window", np.int64),  # bars
            ("base_window", np.int64),  # bars
            ("span_b_window", np.int64),  # bars
            ("conversion_line", np.float64),  # price units, NaN until warm
            ("base_line", np.float64),
            ("span_a", np.float64),
            ("span_b", np.float64),
            ("short", donchian_layout(capacity)),
            ("medium", donchian_layout(capacity)),
            ("long", donchian_layout(capacity)),
        ]
    )


@kernel
def ichimoku(memory: Any, high: float, low: float) -> float:
    """Take one bar and return the conversion line; base line and both leading spans are fields.

    Convention: each line is the middle of the highest high and the lowest low of its window; span A is the mean of
    conversion and base line. The spans are those computed NOW: drawing them 26 bars ahead is a matter of the chart,
    and the cloud under the current bar is the span of 26 bars ago (``delay``). There is no lagging span: it is the
    close drawn back into the past, so reading it there would look ahead.
    """
    short, medium, long = memory.short, memory.medium, memory.long
    short.window = memory.conversion_window
    medium.window = memory.base_window
    long.window = memory.span_b_window
    donchian(short, high, low)
    donchian(medium, high, low)
    donchian(long, high, low)
    conversion_line: float = short.middle
    base_line = medium.middle
    count = short.highest.count
    span_a = math.nan
    if count >= memory.conversion_window and count >= memory.base_window:
        span_a = 0.5 * (conversion_line + base_line)
    memory.conversion_line = conversion_line
    memory.base_line = base_line
    memory.span_a = span_a
    memory.span_b = long.middle
    return conversion_line


SPEC = IndicatorSpec(
    name="ichimoku",
    title="The middles of a short, a medium and a long range, whose order shows the trend.",
    inputs=("high", "low"),
    params={"conversion_window": 9, "base_window": 26, "span_b_window": 52},
    outputs=("conversion_line", "base_line", "span_a", "span_b"),
    layout=layout,
    update=ichimoku,
    warmup=lambda params: int(max(params.values())),
)
