"""Compile everything ahead of time, in two processes: ``python -m tidemill.engine.warm``."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
from importlib.metadata import entry_points

from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import spec_of
from tidemill.engine.bind import bind_step
from tidemill.engine.generated import bind_guard
from tidemill.kernel.compile import JIT
from tidemill.kernel.warm import HALVES, WARMING, is_compiled, mark_compiled

__all__ = ["compile_all"]

_FIRST_SHARE = 5  # strategies compiled beside the larger half of the core; the guard goes with the smaller


def _strategies() -> list[str]:
    return sorted(item.name for item in entry_points(group="tidemill.strategies"))


def _bind(names: list[str]) -> None:
    for item in entry_points(group="tidemill.strategies"):
        if item.name in names:
            spec = spec_of(item.load())
            bind_step(spec, "compiled" if spec.strategy.compiled else "auto")


def _second_share() -> None:
    """Compile the smaller half of the core, the guard and most strategies."""
    importlib.import_module(HALVES[1])
    bind_guard(load_rules())
    _bind(_strategies()[_FIRST_SHARE:])


def compile_all() -> list[str]:
    """Compile the core, the guard and every installed strategy; return what was compiled, by name."""
    if not JIT:
        return []
    names = ["core", "guard", *_strategies()]
    if is_compiled():
        _second_share()
        _bind(_strategies()[:_FIRST_SHARE])
        return names
    command = [sys.executable, "-m", "tidemill.engine.warm", "--second"]
    environment = {**os.environ, WARMING: "1"}
    other = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own interpreter
    try:
        importlib.import_module(HALVES[0])
        _bind(_strategies()[:_FIRST_SHARE])
    finally:
        status = other.wait()
    if status == 0:
        mark_compiled()
    else:
        _second_share()
    return names


if __name__ == "__main__":
    gc.disable()  # what the compiler makes stays until the end, which is soon
    if "--second" in sys.argv:
        _second_share()
    else:
        sys.stdout.write(", ".join(compile_all()) + "\n")
