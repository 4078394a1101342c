"""Exceptions have no place in compiled code: nothing carries them out of it, they would be printed and lost."""

from __future__ import annotations

import dis
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from tidemill.model.errors import StrategyError

__all__ = ["check_raises"]


def check_raises(name: str, step: Callable[..., Any]) -> None:
    """Refuse a step to be compiled that may raise or assert, itself or in a function of its own file.

    Raises:
        StrategyError: file and line of the first such place.
    """
    known = [step.__globals__.get(item) for item in step.__code__.co_names]
    helpers = [item for item in known if isinstance(item, FunctionType) and item.__module__ == step.__module__]
    for code in (step.__code__, *(item.__code__ for item in helpers)):
        for instruction in dis.get_instructions(code):
            if instruction.opname == "RAISE_VARARGS":
                line = instruction.positions.lineno if instruction.positions else code.co_firstlineno
                where = f"{Path(code.co_filename).name}, line {line}"
                raise StrategyError(
                    f"{name} cannot raise or assert where it is compiled ({where}); take the line out, or write "
                    "compiled = False in the class to run it as ordinary Python."
                )
