"""The compiler's way through our functions: fewer steps, nothing typed twice, nothing compiled that is never run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, update_wrapper
from typing import Any

from numba.core import sigutils, typed_passes, typing, untyped_passes
from numba.core import types as nt
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager
from numba.core.dispatcher import _FunctionCompiler
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

from tidemill.kernel.linking import EntryLowering, HelperLowering

__all__ = ["EntryPipeline", "Helper", "HelperPipeline"]

# What a function without closures, with blocks, raised errors and literal tricks needs, that owns no memory: where a
# variable's life ends, which IRLegalization marks, is of no interest. A helper that uses one of these is refused.
_SLIM = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    HelperLowering,
    typed_passes.NoPythonBackend,
)


class _RememberingContext(typing.Context):  # type: ignore[misc]
    """The compiler's knowledge of types, with an answer to each question about an operator looked up once.

    ``int64 + int64`` is asked for thousands of times, and each time the compiler tries its templates one by one.
    """

    def __init__(self, original: typing.Context) -> None:
        self.__dict__ = original.__dict__  # the same knowledge, not a copy

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """Return the signature of a call."""
        if not isinstance(func, nt.Function) or kws:
            return super().resolve_function_type(func, args, kws)
        key = (func, args)
        if key not in _signatures:
            found = super().resolve_function_type(func, args, kws)
            if found is None:
                return None
            _signatures[key] = found
        return _signatures[key]


_signatures: dict[Any, Any] = {}


class _FreshTarget:
    """A target that need not look for new rules: the entry, of whose compilation a helper's is a part, has done so."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def refresh(self) -> None:
        """Do nothing."""


class _Pipeline(CompilerBase):  # type: ignore[misc]
    lowering: type[NativeLowering]

    def __init__(self, typingctx: Any, *args: Any) -> None:
        super().__init__(_RememberingContext(typingctx), *args)

    def define_pipelines(self) -> list[PassManager]:
        """Return the compiler's usual steps with our own lowering as the last but one."""
        manager = PassManager("tidemill")
        for step, text in DefaultPassBuilder.define_nopython_pipeline(self.state).passes:
            manager.add_pass(self.lowering if step is NativeLowering else step, text)
        manager.finalize()
        return [manager]


class EntryPipeline(_Pipeline):
    """For outermost functions."""

    lowering = EntryLowering


class HelperPipeline(_Pipeline):
    """For functions that are called by compiled functions only."""

    lowering = HelperLowering

    def __init__(self, typingctx: Any, targetctx: Any, *args: Any) -> None:
        super().__init__(typingctx, _FreshTarget(targetctx), *args)

    def define_pipelines(self) -> list[PassManager]:
        """Return the few steps that our own helpers need, all of them for users' code."""
        if not self.state.flags.no_rewrites:
            return super().define_pipelines()
        manager = PassManager("tidemill helper")
        for step in _SLIM:
            manager.add_pass(step, step.__name__)
        manager.finalize()
        return [manager]


class _HelperCompiler(_FunctionCompiler):  # type: ignore[misc]
    def _customize_flags(self, flags: Any) -> Any:
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        flags.no_compile = True
        return flags


class HelperDispatcher(CPUDispatcher):  # type: ignore[misc]
    """What the compiler sees of a ``Helper``."""

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any], *, is_literal: bool = False) -> None:
        chosen = {**options, "nopython": True}
        super().__init__(function, targetoptions=chosen, pipeline_class=EntryPipeline)
        self._helper = _HelperCompiler(function, self.targetdescr, chosen, {}, HelperPipeline)
        self._is_literal = is_literal
        self.results: dict[Any, Any] = {}

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Compile the function for a caller's arguments; return what type inference asks for."""
        if not self._is_literal:
            args = tuple(nt.unliteral(kind) for kind in args)
            kws = {name: nt.unliteral(kind) for name, kind in dict(kws).items()}
        signature, folded = self._helper.fold_argument_types(args, kws)
        key = tuple(folded)
        if key not in self.results:
            with self._compiling_counter:  # how the compiler notices recursion
                self.results[key] = self._helper.compile(key, None)
        name = self.py_func.__name__
        known = [result.signature for result in self.results.values()]
        return typing.make_concrete_template(name, key=name, signatures=known), signature, folded, {}

    def get_overload(self, sig: Any) -> Any:
        """Return the key under which callers find the function's code."""
        args, _ = sigutils.normalize_signature(sig)
        return self.results[tuple(args)].entry_point


class Helper:
    """A function that melts into the compiled functions that call it, and can be called from Python too.

    What the compiler needs to know of it is put together on first use: a program whose machine code is all on disk
    defines two hundred helpers and compiles none.

    Args:
        function: plain Python.
        options: of the compiler.
        is_literal: compile it anew for each constant it is called with, instead of once for ``int64``.
    """

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any], *, is_literal: bool = False) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self._options, self._is_literal = options, is_literal

    @cached_property
    def dispatcher(self) -> HelperDispatcher:
        """The compiler's side of the helper."""
        return HelperDispatcher(self.py_func, self._options, is_literal=self._is_literal)

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_

    def __call__(self, *args: Any, **kws: Any) -> Any:
        """Run the compiled function on arguments from Python."""
        return self.dispatcher(*args, **kws)
