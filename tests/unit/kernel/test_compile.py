"""The compiler's options: what is compiled how often, what is kept on disk, and what of the compiler we build upon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import config
from numba.core.compiler import DefaultPassBuilder, Flags
from numba.core.compiler_machinery import PassManager
from numba.core.errors import NumbaError
from numba.core.typed_passes import NativeLowering

from tidemill.kernel import linking
from tidemill.kernel.compile import BOUNDS_CHECKED, JIT, entry, export, general, inlined, kernel
from tidemill.kernel.pipeline import _SLIM, Helper

pytestmark = pytest.mark.skipif(not JIT, reason="needs the compiler")


@pytest.fixture(autouse=True)
def nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "empty"))


def _double(value):
    return value * 2


def _shared(value, scale=3):
    return value * scale + 1


DOUBLE = kernel(_double)
SHARED = kernel(_shared)


def _left(value):
    return SHARED(value) + DOUBLE(value)


def _right(value):
    return SHARED(value, scale=5) - DOUBLE(7)


LEFT, RIGHT = kernel(_left), inlined(_right)


def _diamond(state, index):
    return LEFT(state) * 1000 + RIGHT(index)


def _expected(state: int, index: int) -> int:
    return (state * 3 + 1 + state * 2) * 1000 + index * 5 + 1 - 14


def test_an_entry_gathers_every_helper_it_reaches_once() -> None:
    compiled = export("int64(int64, int64)")(_diamond)
    assert compiled(4, 9) == _expected(4, 9)
    (library,) = (result.library for result in compiled.overloads.values())
    defined = [function.name for function in library.get_defined_functions()]
    assert not [name for name in defined if "_shared" in name or "_double" in name]


def test_helpers_have_no_machine_code_of_their_own() -> None:
    export("int64(int64, int64)")(_diamond)
    assert not SHARED.dispatcher.overloads
    results = list(SHARED.dispatcher.results.values())
    assert results
    assert all(isinstance(result.library, linking.HelperLibrary) for result in results)


def test_a_helper_is_compiled_once_for_all_constants() -> None:
    export("int64(int64, int64)")(_diamond)
    assert len(DOUBLE.dispatcher.results) == 1


def test_a_helper_can_be_called_from_python_too() -> None:
    assert LEFT(4) == 4 * 3 + 1 + 8
    assert SHARED(2, scale=10) == 21
    assert SHARED(0.5) == 2.5


def test_a_helper_melts_into_a_function_compiled_in_the_usual_way() -> None:
    usual = general(_diamond)
    assert usual(4, 9) == _expected(4, 9)
    assert general(_left)(1.5) == 1.5 * 3 + 1 + 3


def test_an_address_calls_the_same_code() -> None:
    compiled = entry(_diamond)
    assert compiled.ctypes(4, 9) == _expected(4, 9)


def test_users_steps_are_compiled_with_constants_and_closures() -> None:
    def step(value):
        pair = (value, 2.5)
        return pair[1] * max([number + 1 for number in (0, 1, 2)])

    melted = general(step, melt=True)

    def outer(state, index):
        return int(melted(state)) + index

    assert entry(outer).ctypes(1, 4) == 7 + 4


def test_users_steps_may_call_themselves() -> None:
    names: dict[str, object] = {}
    exec("def countdown(value):\n    if value > 0:\n        return countdown(value - 1)\n    return 11\n", names)  # noqa: S102
    names["countdown"] = countdown = general(names["countdown"], melt=True)

    def outer(state, index):
        return countdown(state) + index

    assert entry(outer).ctypes(5, 4) == 15


def test_an_exported_function_cannot_be_called_from_compiled_code() -> None:
    inner = export("int64(int64)")(_double)

    def outer(value):
        return inner(value)

    with pytest.raises(NumbaError, match="from Python only"):
        general(outer)(3)


@pytest.mark.skipif(BOUNDS_CHECKED, reason="bounds checking takes all of the compiler's steps")
def test_a_helper_with_a_closure_is_refused() -> None:
    def closing(value):
        numbers = [number * value for number in range(3)]
        return len(numbers)

    helper = kernel(closing)

    def outer(value):
        return helper(value)

    with pytest.raises(NumbaError):
        export("int64(int64)")(outer)


_PROGRAM = """\
import sys
import numpy as np
from numba.core.runtime import rtsys
from tidemill.kernel.compile import export, kernel
@kernel
def inner(value):
    return value + 40
@export("int64(int64)")
def outer(value):
    return inner(value)
@export("float64(int64)")
def owner(count):
    return np.ones(count).cumsum()[-1]
hits = sum(outer.stats.cache_hits.values()) + sum(owner.stats.cache_hits.values())
sys.stdout.write(f"{outer(2)} {owner(1000)} {hits} {rtsys._init}")
"""


def test_a_second_process_loads_small_machine_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tidemill"  # only our own functions are loaded without the compiler's rules
    folder.mkdir()
    program = folder / "tidemill_program.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    command = [sys.executable, "-c", "import tidemill_program"]
    monkeypatch.setenv("PYTHONPATH", ":".join((str(folder), *sys.path)))
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert runs == ["42 1000.0 0 True", "42 1000.0 2 False"], (
        "loaded code takes neither compiler nor its runtime's library"
    )
    (code,) = tmp_path.rglob("*outer*.nbc")
    assert code.stat().st_size < 40_000, "the code before machine code is kept as well"


def _usual_steps() -> list[type]:
    class State:
        flags = Flags()
        func_ir = None

    State.flags.no_rewrites = True
    manager: PassManager = DefaultPassBuilder.define_nopython_pipeline(State())
    return [step for step, _ in manager.passes]


def test_the_compiler_still_has_the_steps_that_ours_are_chosen_from() -> None:
    """A step that a newer compiler adds must be looked at: do helpers need it?"""
    usual = _usual_steps()
    assert usual.count(NativeLowering) == 1
    left_out = {step.__name__ for step in usual if step not in _SLIM and step is not NativeLowering}
    assert left_out == {
        "WithLifting",
        "InlineClosureLikes",
        "RewriteDynamicRaises",
        "MakeFunctionToJitFunction",
        "InlineInlinables",
        "FindLiterallyCalls",
        "LiteralUnroll",
        "LiteralPropagationSubPipelinePass",
        "InlineOverloads",
        "NoPythonSupportedFeatureValidation",
        "AnnotateTypes",
        "DumpParforDiagnostics",
        "IRLegalization",
    }
    ours = [NativeLowering if step is linking.HelperLowering else step for step in _SLIM]
    assert ours == [step for step in usual if step in ours], "the same order as the compiler's own"


def test_nothing_but_the_marked_functions_goes_our_way() -> None:
    assert isinstance(kernel(_double), Helper)
    assert isinstance(general(_double, melt=True), Helper)
    assert not isinstance(general(_double), Helper)


def test_a_helper_costs_nothing_until_it_is_compiled() -> None:
    helper = kernel(_shared)
    assert "dispatcher" not in vars(helper)
    assert helper.__name__ == "_shared"
    assert helper.py_func is _shared
