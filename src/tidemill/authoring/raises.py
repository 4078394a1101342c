"""Exceptions have no place in compiled code: nothing carries them out of it, they would be printed and lost."""

from __future__ import annotations

import dis
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

__all__ = ["where_raised"]


def where_raised(step: Callable[..., Any]) -> str:
    """Return file and line of the first place where a step, or a function of its file, may raise; empty: nowhere."""
    known = [step.__globals__.get(item) for item in step.__code__.co_names]
    helpers = [item for item in known if isinstance(item, FunctionType) and item.__module__ == step.__module__]
    for code in (step.__code__, *(item.__code__ for item in helpers)):
        for instruction in dis.get_instructions(code):
            if instruction.opname == "RAISE_VARARGS":
                line = instruction.positions.lineno if instruction.positions else code.co_firstlineno
                return f"{Path(code.co_filename).name}, line {line}"
    return ""
