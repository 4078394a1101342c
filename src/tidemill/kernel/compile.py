"""Every option of the compiler, in one place.

``kernel`` marks a compiled helper, ``inlined`` one that must melt into its caller, ``entry`` an outermost function
reached by address (a strategy's step, a risk rule), ``export`` one called from Python with a fixed signature.
``fastmath`` stays off: it would break parity between machines and modes. With ``NUMBA_DISABLE_JIT=1`` all four
return the plain Python function, so the same source can be stepped through in a debugger.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite.binding import add_symbol
from numba import cfunc, njit
from numba.core import caching, config
from numba.core import types as nt
from numba.core.errors import TypingError
from numba.core.runtime._nrt_python import c_helpers

from tidemill.kernel.pipeline import EntryPipeline, Helper

__all__ = ["BOUNDS_CHECKED", "JIT", "cache_root", "entry", "export", "general", "inlined", "kernel", "sources_digest"]

JIT = not config.DISABLE_JIT
BOUNDS_CHECKED = bool(config.BOUNDSCHECK)

_PACKAGE = Path(__file__).resolve().parents[1]
_COMPILED_ROOMS = ("model", "kernel", "authoring", "risk")
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": False, "nogil": True}
# Helpers own no memory and use no array expressions: they can do without half of the compiler's steps.
# With bounds checking on they may raise, which takes the compiler's memory runtime.
_HELPER: dict[str, Any] = {} if BOUNDS_CHECKED else {"no_rewrites": True, "_nrt": False}


def sources_digest() -> str:
    """Hash names, sizes and times of all compiled sources: one changed kernel retires every cached machine code."""
    digest = hashlib.blake2b(digest_size=8)
    for room in _COMPILED_ROOMS:
        for path in sorted((_PACKAGE / room).rglob("*.py")):
            stat = path.stat()
            digest.update(f"{path.name}:{stat.st_size}:{stat.st_mtime_ns};".encode())
    digest.update(f"{BOUNDS_CHECKED}".encode())
    return digest.hexdigest()


def cache_root() -> Path:
    """Return the folder that holds compiled machine code and other things that can be made again."""
    base = os.environ.get("TIDEMILL_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tidemill"


if "NUMBA_CACHE_DIR" not in os.environ:
    config.CACHE_DIR = str(cache_root() / f"native-{sources_digest()}")


@cache
def _name_runtime() -> None:
    """Tell the linker where the memory runtime is, by the names that compiled code calls it by."""
    for name, address in c_helpers.items():
        add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


_load_overload = caching.Cache.load_overload


def _load_quickly(self: Any, signature: Any, context: Any) -> Any:
    """Load our own machine code without registering every lowering rule of the compiler first.

    Loaded code needs the addresses of the memory runtime, not the rules, nor the runtime's own inlined parts; the first
    real compilation sees to these. That is a third of the time from the shell prompt to a first result. Other packages'
    functions are loaded as ever.
    """
    if not self._py_func.__module__.startswith("tidemill"):
        return _load_overload(self, signature, context)
    _name_runtime()
    with self._guard_against_spurious_io_errors():
        return self._load_overload(signature, context)


caching.Cache.load_overload = _load_quickly


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a helper for the types it is called with; it is cached with its callers."""
    return Helper(function, {**_OPTIONS, **_HELPER}) if JIT else function


def general(function: Callable[..., Any], *, melt: bool = False) -> Any:
    """Compile anything the compiler can take, with nothing left out: users' own code, loops over whole columns.

    Args:
        function: plain Python.
        melt: melt it into its caller.
    """
    if JIT and melt:
        return Helper(function, {**_OPTIONS, "forceinline": True}, is_literal=True)
    return njit(**_OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a helper that is always melted into its caller."""
    return Helper(function, {**_OPTIONS, **_HELPER, "forceinline": True}) if JIT else function


def _refuse(*_args: Any) -> Any:
    raise TypingError("an exported function is called from Python only; compiled code calls kernels")


def export(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function with one fixed signature, cached on disk, callable from Python without the GIL."""

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = njit(signature, cache=True, pipeline_class=EntryPipeline, **_OPTIONS)(function)
        if JIT:
            compiled.get_call_template = _refuse  # the cache does not keep what a compiled caller would link
        return compiled

    return decorate


def entry(function: Callable[..., Any], *, arguments: int = 2) -> Any:
    """Compile ``int64 f(int64, ...)`` as a C function whose address the core can call; cached on disk."""
    if not JIT:
        return function
    signature = nt.int64(*(nt.int64,) * arguments)
    options = {key: value for key, value in _OPTIONS.items() if key != "nogil"}
    return cfunc(signature, cache=True, pipeline_class=EntryPipeline, **options)(function)
