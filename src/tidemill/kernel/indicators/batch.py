"""Whole columns through the same incremental kernels: what a stream would have shown, bar by bar."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.kernel.compile import JIT, general
from tidemill.kernel.indicators.spec import IndicatorSpec, capacity_for
from tidemill.model.errors import ConfigError, DataError, UnknownName

__all__ = ["fresh", "run_batch"]

_KEYS = frozenset({"session"})  # the inputs that are integers, never prices


def fresh(spec: IndicatorSpec, params: Mapping[str, float] | None = None) -> NDArray[Any]:
    """Return one zeroed memory row of an indicator with its parameters set (unset ones take their defaults).

    Args:
        spec: the indicator.
        params: parameters that differ from the defaults.

    Raises:
        UnknownName: the indicator has no parameter of that name.
        ConfigError: a window is shorter than one bar or longer than any ring.
    """
    chosen = {**spec.params, **(params or {})}
    for name in chosen:
        if name not in spec.params:
            raise UnknownName(f"parameter of {spec.name}", name, spec.params)
    windows = {name: int(value) for name, value in chosen.items() if name.endswith("window")}
    for name, bars in windows.items():
        if bars < 1:
            raise ConfigError(f"{name} of {spec.name} is {bars}; a window has at least 1 bar.")
    memory = np.zeros(1, spec.layout(capacity_for(max(windows.values(), default=1))))
    for name, value in chosen.items():
        memory[name] = value
    for name in spec.outputs:
        memory[name] = np.nan
    return memory


def _reader(inputs: int) -> Any:
    """Return a compiled function that takes one bar's values out of so many columns, as a tuple."""
    if inputs == 1:

        def first(columns: Any, row: int) -> Any:
            return (columns[0][row],)

        return general(first)
    rest = _reader(inputs - 1)

    def read(columns: Any, row: int) -> Any:
        return (columns[0][row], *rest(columns[1:], row))

    return general(read)


@cache
def _loop(update: Any, inputs: int) -> Any:
    """Return the compiled loop of one indicator; its memory is also seen as plain words, to copy outputs by place."""
    read = _reader(inputs)

    def loop(record: Any, words: Any, places: Any, columns: Any, out: Any) -> None:
        for row in range(out.shape[1]):
            update(record, *read(columns, row))
            for index in range(places.shape[0]):
                out[index, row] = words[places[index]]

    return general(loop)


def run_batch(
    spec: IndicatorSpec, *columns: NDArray[Any], params: Mapping[str, float] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return every output of an indicator for whole input columns, NaN where it is not warm.

    Args:
        spec: the indicator.
        columns: one array[n] per input of ``spec.inputs``, oldest first.
        params: parameters that differ from the defaults.

    Raises:
        DataError: there are too few or too many columns, or they differ in length.
        UnknownName: the indicator has no parameter of that name.
        ConfigError: a window is shorter than one bar or longer than any ring.
    """
    if len(columns) != len(spec.inputs) or len({len(column) for column in columns}) != 1:
        raise DataError(f"{spec.name} takes {', '.join(spec.inputs)}: one column each, all of one length.")
    memory = fresh(spec, params)
    record = memory[0] if JIT else memory.view(np.recarray)[0]
    places = np.array([memory.dtype.fields[name][1] // 8 for name in spec.outputs])  # type: ignore[index]
    typed = tuple(
        np.array(column, dtype=np.int64 if name in _KEYS else np.float64)
        for name, column in zip(spec.inputs, columns, strict=True)
    )
    out = np.empty((len(spec.outputs), len(typed[0])))
    _loop(spec.update, len(typed))(record, memory.view(np.float64), places, typed, out)
    return dict(zip(spec.outputs, out, strict=True))
