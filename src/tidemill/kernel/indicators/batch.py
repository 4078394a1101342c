"""Whole columns through the same incremental kernels: what a stream would have shown, bar by bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.kernel.compile import JIT
from tidemill.kernel.indicators.spec import IndicatorSpec, capacity_for

__all__ = ["fresh", "run_batch"]


def fresh(spec: IndicatorSpec, params: Mapping[str, float] | None = None) -> NDArray[Any]:
    """Return one zeroed memory row of an indicator with its parameters set (unset ones take their defaults)."""
    chosen = {**spec.params, **(params or {})}
    unknown = set(chosen) - set(spec.params)
    if unknown:
        raise ValueError(f"{spec.name} has no parameter {', '.join(sorted(unknown))}; it has {', '.join(spec.params)}.")
    longest = max((int(v) for k, v in chosen.items() if k.endswith("window")), default=1)
    memory = np.zeros(1, spec.layout(capacity_for(longest)))
    for name, value in chosen.items():
        memory[name] = value
    for name in spec.outputs:
        memory[name] = np.nan
    return memory


def run_batch(
    spec: IndicatorSpec, *columns: NDArray[Any], params: Mapping[str, float] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return every output of an indicator for whole input columns, NaN where it is not warm.

    Args:
        spec: the indicator.
        columns: one array[n] per input of ``spec.inputs``, oldest first.
        params: parameters that differ from the defaults.
    """
    memory = fresh(spec, params)
    record = memory[0] if JIT else memory.view(np.recarray)[0]
    out = {name: np.empty(len(columns[0])) for name in spec.outputs}
    for index, row in enumerate(zip(*columns, strict=True)):
        spec.update(record, *row)
        for name in spec.outputs:
            out[name][index] = memory[name][0]
    return out
