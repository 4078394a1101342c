"""Reads a custom strategy from JSON: a typed tree, or everything that is wrong with it at its exact place.

Nothing here calls itself: a tree as deep as it likes is walked with a list of what is still to be looked at, and the
walk ends at the first bound that is broken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidemill.authoring.conditions.checks import check_tree
from tidemill.authoring.conditions.findings import Findings, Parsed, told
from tidemill.authoring.conditions.operands import are_few, number_of, reference_of, series_of, unknown_keys
from tidemill.authoring.conditions.vocabulary import CONDITIONS, KINDS, Condition, nearest_word
from tidemill.model.conditions import (
    MAX_BYTES,
    MAX_CHILDREN,
    MAX_DEPTH,
    MAX_NODES,
    Comparison,
    ConditionTree,
    Node,
    Series,
)
from tidemill.model.json_depth import json_depth

__all__ = ["MAX_JSON_DEPTH", "SIDES", "parse_conditions", "read_conditions"]

SIDES = ("buy_conditions", "sell_conditions")
MAX_JSON_DEPTH = 2 * MAX_DEPTH + 8  # a level is an object in a list; indicators, references and parameters go deeper
_CAMEL = {"buy_conditions": "buyConditions", "sell_conditions": "sellConditions"}
_NODES = ("indicator", "and", "or", "not")
_OF_COMPARISON = ("condition", "value", "refIndicator")
_ZERO = {"macd": 0.0}  # what a series is compared with when nothing is named


@dataclass(slots=True)
class _Entry:
    """A node on the way to its typed form."""

    kind: str
    path: str
    comparison: Comparison | None = None
    children: list[int] = field(default_factory=list)


class _Walk:
    """Walks both sides of one document; the bound on nodes holds for both together."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._nodes = 0
        self._is_full = False

    def side(self, given: Any, path: str) -> Node | None:
        """Return one side as a typed tree; None where it has an error."""
        before = self._findings.errors
        entries: list[_Entry] = []
        waiting: list[tuple[Any, str, int, int]] = [(given, path, 1, -1)]
        while waiting and not self._is_full:
            value, where, depth, parent = waiting.pop()
            entry = self._entry(value, where, depth)
            if entry is None:
                continue
            entries.append(entry)
            if parent >= 0:
                entries[parent].children.append(len(entries) - 1)
            if entry.kind != "indicator":
                below = self._children(value, entry)
                waiting += [(child, at, depth + 1, len(entries) - 1) for child, at in reversed(below)]
        if self._is_full:
            return None
        if not any(entry.kind == "indicator" for entry in entries):
            self._findings.error(
                path, "no_indicator", "This side has no condition on an indicator.", "Add an indicator node."
            )
        return _typed(entries) if self._findings.errors == before else None

    def _entry(self, value: Any, path: str, depth: int) -> _Entry | None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._is_full = True
            self._findings.error(
                path, "too_many_nodes", f"A strategy has at most {MAX_NODES} nodes.", "Split it, or leave some out."
            )
        elif depth > MAX_DEPTH:
            self._findings.error(
                path, "too_deep", f"Nodes lie at most {MAX_DEPTH} levels deep.", "Join equal nodes into one."
            )
        elif isinstance(value, list):
            return _Entry("or", path)
        elif not isinstance(value, Mapping):
            sentence = f"A node must be an object, not {told(value)}."
            self._findings.error(path, "malformed_node", sentence, 'Write {"type": "indicator", …}.')
        else:
            return self._object(value, path)
        return None

    def _object(self, value: Mapping[str, Any], path: str) -> _Entry | None:
        kind = value.get("type")
        if kind not in _NODES:
            is_bare = isinstance(kind, str) and bool(nearest_word(kind, KINDS))
            wrapped = f'Write {{"type": "indicator", "indicator": {{"type": {told(kind)}, …}}}}.'
            hint = wrapped if is_bare else f"Choose one of {', '.join(_NODES)}."
            sentence = f"A node cannot be of type {told(kind)}."
            self._findings.error(f"{path}.type", "unknown_node_type", sentence, hint)
            return None
        if not are_few(value, path, self._findings):
            return None
        known = ("type", "indicator") if kind == "indicator" else ("type", "children", "child")
        unknown_keys(value, known, path, self._findings)
        if kind != "indicator":
            return _Entry(kind, path)
        return _Entry(kind, path, _comparison(value.get("indicator"), f"{path}.indicator", self._findings))

    def _children(self, value: Any, entry: _Entry) -> list[tuple[Any, str]]:
        """Return what lies below a node, or nothing where their number is wrong."""
        is_list = isinstance(value, list)  # a list of nodes stands for an or
        if entry.kind == "not" and "child" in value:
            return [(value["child"], f"{entry.path}.child")]
        below: Any = value if is_list else value.get("children")
        where = entry.path if is_list else f"{entry.path}.children"
        if not isinstance(below, list):
            self._findings.error(where, "malformed_node", f"{entry.kind} needs a list of children.", "Write [ … ].")
            return []
        least, most = (1, 1) if entry.kind == "not" else (2, MAX_CHILDREN)
        if is_list:
            least = 1
        if not (least <= len(below) <= most):
            wanted = "exactly one child" if entry.kind == "not" else f"{least} to {most} children"
            code = "too_few_children" if len(below) < least else "too_many_children"
            sentence = f"{entry.kind} takes {wanted}, not {len(below)}."
            self._findings.error(where, code, sentence, "Add or remove children, or nest them.")
            return []
        return [(child, f"{where}[{number}]") for number, child in enumerate(below)]


def _typed(entries: list[_Entry]) -> Node:
    """Return the tree that entries stand for; children come after their parents."""
    made: dict[int, Node] = {}
    for number in range(len(entries) - 1, -1, -1):
        entry = entries[number]
        children = tuple(made.pop(child) for child in entry.children)
        made[number] = Node(entry.kind, entry.path, entry.comparison, children)
    top = made[0]
    return top.children[0] if top.kind == "or" and len(top.children) == 1 else top


def _comparison(given: Any, path: str, findings: Findings) -> Comparison | None:
    """Return the condition of an indicator node."""
    if not isinstance(given, Mapping):
        sentence = f"An indicator node needs an object called indicator, not {told(given)}."
        hint = 'Write "indicator": {"type": "rsi", "period": 14, "condition": "below", "value": 30}.'
        findings.error(path, "malformed_node", sentence, hint)
        return None
    left = series_of(given, path, findings, _OF_COMPARISON)
    kind = KINDS.get(nearest_word(given["type"], KINDS)) if isinstance(given.get("type"), str) else None
    if kind is None:
        return None
    word = given.get("condition")
    condition = CONDITIONS.get(nearest_word(word, kind.conditions)) if isinstance(word, str) else None
    if condition is None:
        code = "missing_condition" if word is None else "unknown_condition"
        sentence = f"{kind.label} has no condition {told(word)}." if word is not None else "The condition is missing."
        findings.error(f"{path}.condition", code, sentence, f"Choose one of {', '.join(kind.conditions)}.")
        return None
    right = _right(given, condition, kind.name, path, findings)
    if left is None or (right is None and condition.takes_value):
        return None
    if left == right:
        sentence = "A series is compared with itself, which never changes anything."
        findings.warning(f"{path}.value", "compares_with_itself", sentence, "Compare it with something else.")
    return Comparison(left, condition.name, right)


def _right(
    given: Mapping[str, Any], condition: Condition, kind: str, path: str, findings: Findings
) -> float | Series | None:
    """Return what a series is compared with."""
    value, other = given.get("value"), given.get("refIndicator")
    if not condition.takes_value:
        for key in ("value", "refIndicator"):
            if given.get(key) is not None:
                sentence = f"{condition.name} names what it compares with; {key} is not read."
                findings.warning(f"{path}.{key}", "value_not_read", sentence, f"Leave {key} out.")
        return None
    where = f"{path}.value"
    if other is not None:
        if value is not None:
            sentence = "value is not read where there is a refIndicator."
            findings.warning(where, "value_not_read", sentence, "Leave one of them out.")
        value, where = other, f"{path}.refIndicator"
    if isinstance(value, Mapping) and isinstance(value.get("refIndicator"), Mapping):
        value, where = value["refIndicator"], f"{where}.refIndicator"
    if isinstance(value, str):
        return reference_of(value, where, findings)
    if isinstance(value, Mapping):
        return series_of(value, where, findings)
    if value is not None:
        return number_of(value, where, findings)
    usual = condition.default if condition.default is not None else _ZERO.get(kind)
    if usual is None:
        sentence = f"{condition.name} needs a value to compare with."
        findings.error(where, "missing_value", sentence, "Write a number, price, volume, or for example sma(50).")
    return usual


def parse_conditions(document: Any) -> Parsed:
    """Read a custom strategy from plain JSON values.

    Args:
        document: an object with ``buy_conditions`` and ``sell_conditions`` (or ``buyConditions``, ``sellConditions``),
            each a node or a list of nodes of which one is enough; other keys are of the record around it.

    Returns:
        The tree and what was found; no tree where there is an error. Nothing is raised, whatever the document is.
    """
    findings = Findings()
    if not isinstance(document, Mapping):
        findings.error(
            "", "malformed_node", f"A custom strategy is an object, not {told(document)}.", f"Write {', '.join(SIDES)}."
        )
        return Parsed(None, tuple(findings.found))
    walk = _Walk(findings)
    sides: list[Node | None] = []
    for name in SIDES:
        path = name if document.get(name) is not None or _CAMEL[name] not in document else _CAMEL[name]
        given = document.get(path)
        if given is None or given in ([], {}, ""):
            findings.error(path, "missing_side", f"{name} is missing.", "Say when to buy and when to sell.")
            sides.append(None)
        else:
            sides.append(walk.side(given, path))
    buy, sell = sides
    if buy is None or sell is None:
        return Parsed(None, tuple(findings.found))
    tree = ConditionTree(buy, sell)
    check_tree(tree, findings)
    return Parsed(None if findings.errors else tree, tuple(findings.found))


def read_conditions(raw: str | bytes) -> Parsed:
    """Read a custom strategy from JSON text; too long, too deep or no JSON at all is a finding like any other.

    Args:
        raw: the text, UTF-8.
    """
    findings = Findings()
    text = raw.encode(errors="surrogatepass") if isinstance(raw, str) else raw
    document: Any = None
    if len(text) > MAX_BYTES:
        findings.error("", "too_large", f"The text is longer than {MAX_BYTES} bytes.", "Shorten it.")
    elif json_depth(text, MAX_JSON_DEPTH) > MAX_JSON_DEPTH:
        sentence = f"The text is nested deeper than {MAX_DEPTH} levels of nodes can be."
        findings.error("", "too_deep", sentence, "Join equal nodes into one.")
    else:
        try:
            document = json.loads(text)
        except ValueError as error:
            findings.error("", "not_json", f"The text is no JSON: {told(str(error))}.", "Correct it at that place.")
    return Parsed(None, tuple(findings.found)) if findings.errors else parse_conditions(document)
