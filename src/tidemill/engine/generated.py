"""Small generated modules around functions known only at run time, kept on disk so that machine code is cached."""

from __future__ import annotations

import hashlib
import linecache
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.compile import JIT, cache_root, entry, sources_digest
from tidemill.kernel.memory import register

__all__ = ["Bound", "bind_guard", "generate_entry"]


class Bound:
    """An address the core may call, and what must stay alive meanwhile."""

    def __init__(self, address: int, keep: Any) -> None:
        self.address, self.keep = address, keep


def generate_entry(name: str, source: str, names: Mapping[str, Any], identity: Sequence[str], arguments: int) -> Bound:
    """Compile the function ``entry`` of a generated source and return its address.

    Args:
        name: for the file's name.
        source: Python text that defines ``entry``; only ever our own few lines.
        names: what the text refers to.
        arguments: how many int64 arguments ``entry`` takes.
        identity: everything the result depends on besides the text; a change makes a new file and new machine code.
    """
    parts = "\0".join((source, *identity, sources_digest()))
    digest = hashlib.blake2b(parts.encode(), digest_size=12).hexdigest()
    folder = cache_root() / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_{digest}.py"
    if not path.exists():
        path.write_text(source, encoding="utf-8")
    module = types.ModuleType(f"tidemill_generated_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # the compiler's cache finds the function again by its module's name
    module.__dict__.update(names)
    linecache.checkcache(str(path))
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - our own lines, no user text in them
    compiled = entry(module.__dict__["entry"], arguments=arguments)
    return Bound(int(compiled.address) if JIT else register(compiled), compiled)


_guards: dict[tuple[int, ...], Bound] = {}


def bind_guard(rules: Sequence[RuleSpec]) -> Bound:
    """Return the guard that asks rules in their order; address 0 when there are none."""
    if not rules:
        return Bound(0, None)
    key = tuple(id(rule.check) for rule in rules)
    if key not in _guards:
        lines = ["# Generated chain of risk rules; safe to delete.", "def entry(state, index):"]
        for number in range(len(rules)):
            lines += [f"    answer = RULE{number}(state, index)", "    if answer != 0:", "        return answer"]
        source = "\n".join([*lines, "    return 0", ""])
        names = {f"RULE{number}": rule.check for number, rule in enumerate(rules)}
        identity = [f"{rule.name}:{rule.check.__module__}" for rule in rules]
        _guards[key] = generate_entry("guard", source, names, identity, 2)
    return _guards[key]
