"""What an indicator file exports, so that strategies, charts, tests and docs need to know nothing else about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["IndicatorSpec", "capacity_for"]

_CAPACITIES = (64, 512, 4096)


def capacity_for(longest: int) -> int:
    """Return the ring size for windows of up to ``longest`` bars; few sizes mean few compilations."""
    for capacity in _CAPACITIES:
        if longest <= capacity:
            return capacity
    raise ValueError(f"A window of {longest} bars is longer than {_CAPACITIES[-1]}; resample to larger bars.")


@dataclass(frozen=True, slots=True)
class IndicatorSpec:
    """One indicator.

    Args:
        name: lower-case name, also the name of its update kernel.
        title: one sentence for a trader.
        inputs: bar fields the update takes, in order (``close``; ``high, low, close``; ``ts_ns`` for sessions).
        params: parameter name to default; window-like names end in ``window``.
        outputs: record fields that hold the current values; the first is what the update returns.
        layout: capacity (bars) to numpy record type of the memory.
        update: compiled ``update(memory, *inputs) -> float``; NaN until warm.
        warmup: params to the number of bars after which the first value appears.
    """

    name: str
    title: str
    inputs: tuple[str, ...]
    params: Mapping[str, float]
    outputs: tuple[str, ...]
    layout: Callable[[int], np.dtype[Any]]
    update: Any
    warmup: Callable[[Mapping[str, float]], int]
