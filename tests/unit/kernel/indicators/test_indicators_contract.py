"""What every indicator promises: names, memory, warm-up, causality, and a stream equal to the batch."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
from every_output import market

from tidemill.kernel.compile import JIT
from tidemill.kernel.indicators.batch import fresh, run_batch
from tidemill.kernel.indicators.catalog import INDICATORS, find
from tidemill.kernel.indicators.spec import IndicatorSpec, capacity_for
from tidemill.model.errors import ConfigError, DataError, UnknownName

EVERY = pytest.mark.parametrize("spec", INDICATORS.values(), ids=INDICATORS.keys())
_ALWAYS_KNOWN = {"crossing"}  # answers 0, never NaN, from its first bar


def _columns(spec: IndicatorSpec) -> list[np.ndarray]:
    columns = market()
    return [columns[name] for name in spec.inputs]


def _record(memory: np.ndarray) -> object:
    return memory[0] if JIT else memory.view(np.recarray)[0]


def _fields(dtype: np.dtype) -> list[tuple[str, np.dtype]]:
    found = []
    for name in dtype.names or ():
        kind = dtype[name]
        found.append((name, kind))
        found.extend(_fields(kind))
    return found


@EVERY
def test_memory_can_be_reached_by_name_in_both_modes(spec: IndicatorSpec) -> None:
    for name, kind in _fields(spec.layout(64)):
        assert not hasattr(np.record, name), f"{name} is hidden by an attribute of numpy's own record"
        assert kind.names or kind.base in (np.dtype(np.int64), np.dtype(np.float64)), name


@EVERY
def test_the_file_exports_its_name_and_its_parameters_are_memory(spec: IndicatorSpec) -> None:
    module = sys.modules[f"tidemill.kernel.indicators.{spec.name}"]
    assert getattr(module, spec.name) is spec.update
    names = spec.layout(64).names or ()
    assert {*spec.params, *spec.outputs} <= set(names)
    arguments = list(inspect.signature(getattr(spec.update, "py_func", spec.update)).parameters)
    assert len(arguments) == 1 + len(spec.inputs)


@EVERY
def test_source_keeps_to_what_the_compiled_core_can_run(spec: IndicatorSpec) -> None:
    module = sys.modules[f"tidemill.kernel.indicators.{spec.name}"]
    for function in ast.parse(inspect.getsource(module)).body:
        compiled = isinstance(function, ast.FunctionDef) and function.decorator_list
        for node in ast.walk(function) if compiled else ():
            assert not isinstance(node, (ast.Raise, ast.Try, ast.Dict, ast.List, ast.ListComp, ast.Pow, ast.Mod))


@EVERY
def test_warm_after_the_stated_number_of_bars(spec: IndicatorSpec) -> None:
    outputs = run_batch(spec, *_columns(spec))
    firsts = [int(np.flatnonzero(~np.isnan(line))[0]) + 1 for line in outputs.values()]
    assert max(firsts) == (1 if spec.name in _ALWAYS_KNOWN else spec.warmup(spec.params))


@EVERY
def test_stream_from_zero_bytes_equals_batch_and_survives_a_snapshot(spec: IndicatorSpec) -> None:
    columns = _columns(spec)
    batch = run_batch(spec, *columns)
    memory = np.zeros(1, spec.layout(64))
    for name, value in spec.params.items():
        memory[name] = value
    record = _record(memory)
    for index, row in enumerate(zip(*columns, strict=True)):
        if index == 77:
            memory = np.frombuffer(bytearray(memory.tobytes()), memory.dtype)
            record = _record(memory)
        first = spec.update(record, *row)
        np.testing.assert_array_equal(first, batch[spec.outputs[0]][index])
        for output in spec.outputs:
            np.testing.assert_array_equal(memory[output][0], batch[output][index])


@EVERY
def test_no_bar_is_seen_before_its_time(spec: IndicatorSpec) -> None:
    columns = _columns(spec)
    whole = run_batch(spec, *columns)
    part = run_batch(spec, *(column[:100] for column in columns))
    for output in spec.outputs:
        assert part[output].tobytes() == whole[output][:100].tobytes()


def test_fresh_memory_has_parameters_set_and_outputs_unknown() -> None:
    memory = fresh(find("macd"), {"slow_window": 30})
    assert (memory["fast_window"][0], memory["slow_window"][0]) == (12, 30)
    assert np.isnan(memory["histogram"][0])


def test_wrong_use_is_refused_with_the_remedy() -> None:
    sma, close = find("sma"), np.arange(9.0)
    with pytest.raises(UnknownName, match="did you mean window"):
        fresh(sma, {"windov": 3})
    with pytest.raises(ConfigError, match="at least 1 bar"):
        fresh(sma, {"window": 0})
    with pytest.raises(ConfigError, match="longer than 4096"):
        capacity_for(4097)
    with pytest.raises(DataError, match="high, low, close"):
        run_batch(find("atr"), close)
    with pytest.raises(DataError, match="one length"):
        run_batch(find("obv"), close, close[1:])
    with pytest.raises(UnknownName, match="did you mean ema"):
        find("emaa")


@pytest.mark.parametrize(("longest", "capacity"), [(1, 64), (64, 64), (65, 512), (512, 512), (4096, 4096)])
def test_ring_sizes(longest: int, capacity: int) -> None:
    assert capacity_for(longest) == capacity


@EVERY
def test_the_documented_row_is_true(spec: IndicatorSpec) -> None:
    page = Path(__file__).resolve().parents[4] / "docs" / "concepts" / "indicators.md"
    row = next(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{spec.name}` |"))
    _, inputs, params, outputs, _, warmup, _ = (cell.strip() for cell in row.strip("|").split("|"))
    assert inputs == ", ".join(spec.inputs)
    assert params == (", ".join(f"{name} {value}" for name, value in spec.params.items()) or "none")
    assert outputs == ", ".join(spec.outputs)
    stated = {"the longest window": "max(conversion_window, base_window, span_b_window)"}.get(warmup, warmup)
    assert eval(stated, {"max": max}, dict(spec.params)) == spec.warmup(spec.params)
