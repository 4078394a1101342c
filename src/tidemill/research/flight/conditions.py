"""The conditions in a strategy's step, in the order they were met on one bar, each with its numbers and its answer.

The step's own source is run as plain Python on a copy of the state, and looked at line by line: whenever an ``if`` is
reached, each of its parts that calls nothing is worked out on the values of that moment.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np

from tidemill.authoring.strategy import StrategySpec

__all__ = ["Condition", "StepTrace"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of an ``if`` that was reached, or one condition of a tree.

    Args:
        line: of the strategy's file, 0 in a tree. text: the part as it is written, or the condition in words.
        is_true: what it came to; what has no value yet is not true.
        numbers: every value it names.
    """

    line: int
    text: str
    is_true: bool
    numbers: dict[str, float | int | str | None] = field(default_factory=dict)


class StepTrace:
    """Watches one strategy's step while it runs as Python.

    Args:
        spec: the strategy.
    """

    def __init__(self, spec: StrategySpec) -> None:
        self._code: CodeType = spec.step.__code__
        self._tests = _tests_of(spec)
        self.met: list[Condition] = []

    def watch(self, work: Callable[[], object]) -> None:
        """Do some work, and note the conditions that the step meets meanwhile."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            work()
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._line if event == "call" and frame.f_code is self._code else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            for part in self._tests.get(frame.f_lineno, ()):
                self._note(frame, part)
        return self._line

    def _note(self, frame: FrameType, part: ast.expr) -> None:
        numbers = {ast.unparse(node): _number(_value(frame, node)) for node in _named(part)}
        answer = bool(_value(frame, part))
        self.met.append(Condition(frame.f_lineno, ast.unparse(part), answer, numbers))


def _value(frame: FrameType, node: ast.expr) -> Any:
    code = compile(ast.fix_missing_locations(ast.Expression(node)), "<condition>", "eval")
    return eval(code, frame.f_globals, frame.f_locals)  # noqa: S307 - the strategy's own expression, run a moment early


def _tests_of(spec: StrategySpec) -> dict[int, list[ast.expr]]:
    """Return the parts of every ``if`` of a step by the line it begins on; parts that call something are left out."""
    try:
        lines, first = inspect.getsourcelines(spec.step)
    except (OSError, TypeError):
        return {}
    found: dict[int, list[ast.expr]] = {}
    for node in ast.walk(ast.parse(textwrap.dedent("".join(lines)))):
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            parts = [part for part in _parts(node.test) if not _calls(part)]
            found.setdefault(node.test.lineno + first - 1, []).extend(parts)
    return found


def _parts(test: ast.expr) -> Iterator[ast.expr]:
    """Yield what an ``and`` or ``or`` joins, one by one."""
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _parts(value)
    else:
        yield test


def _calls(part: ast.expr) -> bool:
    return any(isinstance(node, ast.Call | ast.NamedExpr | ast.Await) for node in ast.walk(part))


def _named(part: ast.expr) -> list[ast.expr]:
    """Return the names and fields a part reads, whole ones only: ``me.rsi_low``, not ``me``."""
    found: dict[str, ast.expr] = {}
    waiting: list[ast.AST] = [part]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Name | ast.Attribute):
            found.setdefault(ast.unparse(node), node)
        else:
            waiting += ast.iter_child_nodes(node)
    return list(found.values())


def _number(value: Any) -> float | int | str | None:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        return plain if np.isfinite(plain) else None
    return plain if isinstance(plain, int | str) else str(plain)
