"""One optimisation per entry: helpers are kept as they come from the front end and melt together where they are used.

The compiler's own way is to optimise every function, make machine code of it, and optimise it again inside each of its
callers. Nothing ever runs most of that code. Here a helper stays raw; an entry gathers all helpers it reaches, each
once, hides them from the outside, and is optimised and turned into machine code as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llvmlite import binding as llvm
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

__all__ = ["EntryLibrary", "EntryLowering", "HelperLibrary", "HelperLowering"]


def _parsed(ir_module: Any, codegen: Any) -> Any:
    module = llvm.parse_assembly(cgutils.normalize_ir_text(str(ir_module)))
    module.name = ir_module.name
    module.data_layout = str(codegen.target_data)
    return module


def _defined(module: Any) -> Iterable[Any]:
    return (function for function in module.functions if not function.is_declaration)


def _gather(libraries: Iterable[Any], into: Any) -> None:
    """Link libraries, and all helpers that they reach, into one module; each of them once."""
    waiting, seen = list(libraries), set()
    while waiting:
        library = waiting.pop()
        if library in seen:
            continue
        seen.add(library)
        if isinstance(library, HelperLibrary):
            waiting += library.callees
            modules = library.modules
        else:
            modules = [library._get_module_for_linking()]  # noqa: SLF001 - as the compiler's own linking does
        for module in modules:
            into.link_in(module, preserve=True)


class HelperLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The code of one helper, not yet optimised and never run by itself."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self._whole: Any = None
        self.modules: list[Any] = []
        self.callees: list[Any] = []

    def add_ir_module(self, ir_module: Any) -> None:
        """Keep what the front end made of the helper."""
        self.modules.append(_parsed(ir_module, self._codegen))

    def add_linking_library(self, library: Any) -> None:
        """Remember whom the helper calls."""
        self.callees.append(library)

    def finalize(self) -> None:
        """Leave the code alone: it is optimised as a part of those who use it."""
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Return the helper with all that it reaches, for a caller that is compiled the compiler's own way."""
        if self._whole is None:
            _gather([self], self._final_module)
            for function in _defined(self._final_module):
                if function.linkage == llvm.Linkage.external:
                    function.linkage = "linkonce_odr"
            self._whole = self._final_module
        return self._whole


class EntryLibrary(JITCodeLibrary):  # type: ignore[misc]
    """The code of an outermost function with every helper that it reaches."""

    def add_ir_module(self, ir_module: Any) -> None:
        """Take what the front end made of the entry or of a wrapper around it."""
        self._raise_if_finalized()
        self._final_module.link_in(_parsed(ir_module, self._codegen))

    def add_linking_library(self, library: Any) -> None:
        """Remember whom the entry calls."""
        self._linking_libraries.append(library)

    def finalize(self) -> None:
        """Gather the helpers, hide them, optimise the whole once, make machine code."""
        self._raise_if_finalized()
        own = {function.name for function in _defined(self._final_module)}
        _gather(self._linking_libraries, self._final_module)
        for function in _defined(self._final_module):
            if function.name not in own and function.linkage in (llvm.Linkage.external, llvm.Linkage.linkonce_odr):
                function.linkage = "private"  # unnamed: another entry's twin of a helper has other arguments
        passes, builder = self._codegen._module_pass_manager()  # noqa: SLF001 - as our base class does
        passes.run(self._final_module, builder)
        self._final_module.verify()
        self._finalize_final_module()

    def serialize_using_object_code(self) -> tuple[str, str, tuple[bytes, bytes]]:
        """Return machine code and the names in it, for the cache.

        Nobody links an entry into another function, so the code before machine code need not be kept and loaded again.
        The names stand for variables: should somebody link against them, that is an error, not a wrong call.
        """
        self._ensure_finalized()
        names = "".join(f'@"{function.name}" = global i8 0\n' for function in _defined(self._final_module))
        return (self.name, "object", (self._get_compiled_object(), llvm.parse_assembly(names).as_bitcode()))


@register_pass(mutates_CFG=True, analysis_only=False)
class HelperLowering(NativeLowering):  # type: ignore[misc]
    """Turn a helper into raw code that its callers can find."""

    _name = "tidemill_helper_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower; the helper's own description serves as the key by which callers ask for it."""
        state.library = HelperLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        super().run_pass(state)
        lowered = state["cr"]
        state.targetctx.insert_user_function(lowered.fndesc, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=lowered.fndesc)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class EntryLowering(NativeLowering):  # type: ignore[misc]
    """Turn an outermost function into machine code."""

    _name = "tidemill_entry_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower into a library of our own, which the cache can keep."""
        state.library = EntryLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))
