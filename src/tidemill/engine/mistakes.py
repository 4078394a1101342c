"""Why a step does not compile, in a trader's words: the reason, the user's own file and line, the line itself."""

from __future__ import annotations

import difflib
import dis
import linecache
import re
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tidemill.authoring.strategy import StrategySpec
from tidemill.model.records import CLOCK, EVENT, PROPOSAL

__all__ = ["explain"]

_VIEWS = {"bar": EVENT, "order": PROPOSAL, "second": PROPOSAL, "third": PROPOSAL, "clock": CLOCK}
_UNDEFINED = re.compile(r"NameError: (?:global )?name '(\w+)' is not defined")
_MISFIT = re.compile(r"""Cannot bind .*? to signature '(\(.*\)) -> .*?' due to "TypeError: (.*?)"\.?""")
_CALLEE = re.compile(r"<function ([\w.]+) at 0x")
_SIGNATURE = re.compile(r">>> (.+)")
_OPCODE = re.compile(r"Use of unsupported opcode \((\w+)\) found")
_OPCODES = {"IMPORT_NAME": "an import inside the step; move it to the top of the file"}


def _functions(step: Callable[..., Any]) -> Iterator[types.FunctionType]:
    """Yield a step and the plain functions of its own file that it calls, directly or through others."""
    waiting: list[Any] = [step]
    seen: set[types.FunctionType] = set()
    while waiting:
        function = waiting.pop()
        if not isinstance(function, types.FunctionType) or function in seen:
            continue
        seen.add(function)
        yield function
        named = (function.__globals__.get(name) for name in function.__code__.co_names)
        waiting += [item for item in named if getattr(item, "__module__", None) == step.__module__]


def _line_of(step: Callable[..., Any], word: str) -> int:
    """Return the line on which a step (or a function it calls) reads or writes a name, 0 if none does."""
    for function in _functions(step):
        for instruction in dis.get_instructions(function):
            at = instruction.positions
            if instruction.argval == word and at is not None and at.lineno is not None:
                return at.lineno
    return 0


def _nearest(word: str, known: Sequence[str], path: str) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    if path == "me":
        return f"; declare it in the class body, for example {word} = Memory(0.0)"
    return f"; it has {', '.join(known)}"


def _missing_field(spec: StrategySpec, word: str, text: str) -> str:
    """Say whose field is missing: of the step's own memory, of an indicator in it, of the bar or the ticket."""
    owner = re.search(rf"([\w.]+)\.{re.escape(word)}\b", text)
    path = owner.group(1) if owner else ""
    first, _, rest = path.partition(".")
    layout: np.dtype[Any] | None = spec.layout if first == "me" else _VIEWS.get(first)
    if layout is not None and rest in (layout.names or ()):
        layout = layout[rest]
    if layout is None or not layout.names:
        return f"there is no field {word!r}"
    return f"{path} has no field {word!r}{_nearest(word, layout.names, path)}"


def _place(message: str, file: str) -> int:
    """Return the first line of the user's own file that a compiler message names, 0 if it names none."""
    name = re.escape(Path(file).name)
    found = re.search(rf'File "[^"]*?{name}", line (\d+)|{name} \((\d+)\)', message)
    return int(found.group(1) or found.group(2)) if found else 0


def _inner_failure(message: str, what: str, file: str) -> str:
    """Name the call at fault when the compiler stumbled inside a function that is not the user's."""
    first = re.search(r'File "([^"]+)", line', message)
    if first is None or Path(first.group(1)).name == Path(file).name:
        return what
    before = message[: message.find(f'File "{Path(file).name}')] if Path(file).name in message else message
    callee = [name for name in _CALLEE.findall(before) if not name.endswith(".step")]
    return f"{callee[-1]}(…) is called with arguments it cannot take ({what})" if callee else what


def _reason(message: str, file: str) -> str:
    """Return the one sentence of a compiler message that says what is wrong."""
    misfit = _MISFIT.search(message)
    if misfit:
        callee = _CALLEE.search(message)
        takes = re.sub(r": '\w+'", "", misfit.group(1))
        return f"{callee.group(1) if callee else 'the call'}: {misfit.group(2)}; it takes {takes}"
    opcode = _OPCODE.search(message)
    if opcode:
        return f"the compiler cannot take {_OPCODES.get(opcode.group(1), opcode.group(1))}"
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    what = next((line for line in lines if not line.startswith(("Failed", "File", "-", "^", "During"))), lines[0])
    signature = _SIGNATURE.search(message)
    if what.startswith("No implementation") and signature:
        return f"the compiler knows no {signature.group(1)}"
    what = re.sub(r"\.?\.? ?Raised from .*", "", what)
    what = re.sub(r"Module\(<module '([\w.]+)'.*", r"module \1", what)
    what = re.sub(r", defined at .*|: i8\* .*", "", what)
    return _inner_failure(message, what, file)


def explain(error: Exception, spec: StrategySpec) -> str:
    """Return why a step does not compile, with the user's file, line number and line.

    Args:
        error: what the compiler raised; a ``KeyError`` stands for a field that a record does not have.
        spec: the strategy.
    """
    file = spec.step.__code__.co_filename
    message = str(error)
    undefined = _UNDEFINED.search(message)
    if isinstance(error, KeyError):
        word = str(error.args[0])
        line = _line_of(spec.step, word)
        what = _missing_field(spec, word, linecache.getline(file, line))
    elif undefined:
        word = undefined.group(1)
        line = _line_of(spec.step, word)
        what = f"{word!r} is not defined"
    else:
        line = _place(message, file)
        what = _reason(message, file)
    line = line or spec.step.__code__.co_firstlineno
    return f"{what.rstrip('.')} ({Path(file).name}, line {line}: {linecache.getline(file, line).strip()})."
