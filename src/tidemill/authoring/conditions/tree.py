"""A condition tree as a parameter of a strategy: ``tree = Tree(…)`` in its body, ``judge(me.tree, …)`` in its step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from tidemill.authoring.conditions.findings import Parsed
from tidemill.authoring.conditions.parse import SIDES, parse_conditions, read_conditions
from tidemill.authoring.conditions.program import Program, compile_tree
from tidemill.authoring.conditions.reading import say_comparison, say_series
from tidemill.authoring.conditions.vocabulary import KINDS
from tidemill.authoring.fields import Param
from tidemill.kernel.conditions import LAYOUT, TRUE, UNKNOWN
from tidemill.model.conditions import MAX_BYTES, ConditionTree
from tidemill.model.errors import ConfigError

__all__ = ["DrawnLine", "Met", "Tree", "checked_tree", "drawn_lines", "met_in", "met_on", "tree_of_text", "tree_text"]

_AMONG_PRICES = ("sma", "ema", "bollingerBands", "vwap")
_CROSSES = ("crosses", "pricecrosses", "bands")


@dataclass(frozen=True, slots=True)
class Met:
    """One condition of a tree on a bar.

    Args:
        side: ``buy`` or ``sell``. path: of its node. text: in plain English.
        answer: True, False, or None where a value does not exist yet.
        numbers: what it compared, by name; ``before`` of the bar before, where it looks back.
    """

    side: str
    path: str
    text: str
    answer: bool | None
    numbers: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """One line of an indicator of a tree.

    Args:
        label: in plain English. pane: of its indicator, where it has one of its own. is_price: whether it lies among
            prices. word: of the tree's memory that holds it.
    """

    label: str
    pane: str
    is_price: bool
    word: int


def tree_of_text(text: str | bytes) -> ConditionTree:
    """Return the tree of a JSON text.

    Raises:
        ConfigError: it cannot be used; the first error is told with its place.
    """
    return checked_tree(read_conditions(text))


def checked_tree(parsed: Parsed) -> ConditionTree:
    """Return the tree that was read.

    Raises:
        ConfigError: it cannot be used; the first error is told with its place.
    """
    if parsed.tree is None:
        first, more = parsed.errors[0], len(parsed.errors) - 1
        where = f" at {first.path}" if first.path else ""
        rest = f" ({more} more; `tidemill conditions validate` lists them)" if more else ""
        raise ConfigError(f"The conditions cannot be used{where}: {first.sentence} {first.hint}{rest}")
    return parsed.tree


def tree_text(document: Any) -> str:
    """Return the conditions of a document as JSON: the same text for the same tree, without the record around it.

    Args:
        document: JSON text, or an object with both sides.

    Raises:
        ConfigError: the tree cannot be used.
    """
    is_text = isinstance(document, str | bytes)
    tree = checked_tree(read_conditions(document) if is_text else parse_conditions(document))
    values = json.loads(document) if is_text else document
    sides = {name: values[node.path.partition("[")[0]] for name, node in zip(SIDES, (tree.buy, tree.sell), strict=True)}
    try:
        text = json.dumps(sides, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"The conditions hold something that JSON does not know ({error}); take it out.") from error
    if len(text) > MAX_BYTES:
        raise ConfigError(f"The conditions are longer than {MAX_BYTES} bytes; leave some out.")
    return text


@lru_cache(maxsize=64)
def _program(text: str) -> Program:
    return compile_tree(tree_of_text(text))


def met_on(text: str, record: Any) -> list[Met]:
    """Return every condition of a tree with its numbers and its answer on the bar that a memory saw last.

    Args:
        text: of the tree. record: its memory, one row of the kernel's layout.
    """
    return met_in(_program(text), record)


def met_in(program: Program, record: Any) -> list[Met]:
    """Return the same for a program; before its first bar nothing has an answer."""
    found = []
    for leaf in program.leaves:
        if leaf.node.comparison is None:
            continue
        answer = int(record["answers"][leaf.step]) if record["bars"] else UNKNOWN
        numbers = {name: _number(record["now"][register]) for name, register in leaf.numbers.items()}
        if leaf.node.comparison.condition.lower().startswith(_CROSSES):
            numbers |= {f"{k} before": _number(record["before"][at]) for k, at in leaf.numbers.items()}
        told = None if answer == UNKNOWN else answer == TRUE
        found.append(Met(leaf.side, leaf.node.path, say_comparison(leaf.node.comparison), told, numbers))
    return found


def drawn_lines(text: str) -> list[DrawnLine]:
    """Return the lines of indicators that a tree compares, for a chart."""
    start = int(LAYOUT.fields["now"][1]) // LAYOUT["now"].base.itemsize  # type: ignore[index]
    found = []
    for register, series in _program(text).lines:
        is_price = series.kind in _AMONG_PRICES and series.output != "width"
        pane = say_series(replace(series, output=KINDS[series.kind].outputs[0]))
        found.append(DrawnLine(say_series(series), pane, is_price, start + register))
    return found


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


class Tree(Param):
    """A parameter that holds when to buy and when to sell, as JSON; in the step it is what ``judge`` is handed.

    Args:
        default: JSON text of a tree.
        doc: one sentence.
    """

    is_number = False

    def __init__(self, default: str, *, doc: str = "") -> None:
        super().__init__(0, low=0, high=0, unit="JSON", doc=doc)
        self.default: Any = tree_text(default)

    @property
    def kind(self) -> np.dtype[Any]:
        """Return the record type of its memory: one for all trees."""
        return LAYOUT

    def read(self, value: Any) -> Any:
        """Return the tree as JSON text, or refuse it with the first error and its place.

        Raises:
            ConfigError: the tree cannot be used.
        """
        return tree_text(value)

    def fill(self, row: np.ndarray[Any, np.dtype[Any]], value: Any) -> None:
        """Write the tree's program into a slot's fresh memory."""
        row[self.name] = _program(value).memory

    def warmup(self, value: Any) -> int:
        """Return the number of bars before every condition has an answer."""
        return _program(value).warmup_bars
