"""Compile everything ahead of time: ``python -m tidemill.engine.warm`` (the core in two processes, then the rest)."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import spec_of
from tidemill.engine.bind import bind_step
from tidemill.engine.generated import bind_guard
from tidemill.kernel.compile import JIT
from tidemill.kernel.warm import ensure_compiled

__all__ = ["compile_all"]


def compile_all() -> list[str]:
    """Compile the core, the guard and every installed strategy; return what was compiled, by name."""
    if not JIT:
        return []
    ensure_compiled()
    bind_guard(load_rules())
    names = ["core", "guard"]
    for item in entry_points(group="tidemill.strategies"):
        spec = spec_of(item.load())
        bind_step(spec, "compiled" if spec.strategy.compiled else "auto")
        names.append(spec.name)
    return names


if __name__ == "__main__":
    sys.stdout.write(", ".join(compile_all()) + "\n")
