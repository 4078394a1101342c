"""What an indicator file exports, so that strategies, charts, tests and docs need to know nothing else about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemill.model.errors import ConfigError

__all__ = ["IndicatorSpec", "capacity_for"]

_CAPACITIES = (64, 512, 4096)


def capacity_for(longest: int) -> int:
    """Return the ring size for windows of up to ``longest`` bars; few sizes mean few compilations.

    Args:
        longest: the longest window, bars.

    Raises:
        ConfigError: the window is longer than any ring.
    """
    for capacity in _CAPACITIES:
        if longest <= capacity:
            return capacity
    raise ConfigError(f"A window of {longest} bars is longer than {_CAPACITIES[-1]}; resample to larger bars.")


@dataclass(frozen=True, slots=True)
class IndicatorSpec:
    """One indicator.

    The memory starts as zero bytes with the parameters set. Every update writes every output field, NaN until that
    output is warm. A NaN input is stopped where data enter; an update neither expects nor hides one.

    Args:
        name: lower-case name, also the name of its update kernel.
        title: one sentence for a trader.
        inputs: bar fields the update takes, in order (``close``; ``high, low, close``). All are float64 except
            ``session``, an int64 key that is the same for all bars of one session.
        params: parameter name to default; window-like names end in ``window``, count bars and are at least 1.
        outputs: record fields that hold the current values; the first is what the update returns.
        layout: capacity (bars) to numpy record type of the memory; every field is 8 bytes wide.
        update: compiled ``update(memory, *inputs) -> float``.
        warmup: full params to the number of bars after which every output has a value.
    """

    name: str
    title: str
    inputs: tuple[str, ...]
    params: Mapping[str, float]
    outputs: tuple[str, ...]
    layout: Callable[[int], np.dtype[Any]]
    update: Any
    warmup: Callable[[Mapping[str, float]], int]
