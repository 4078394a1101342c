"""Small trees and bars for tests."""

from __future__ import annotations

from typing import Any

__all__ = ["SELL", "both", "codes", "indicator", "nested", "signal", "signals", "tried"]

from tidemill.authoring.conditions.findings import Parsed
from tidemill.authoring.conditions.parse import parse_conditions
from tidemill.authoring.conditions.trial import Trial, columns_of, try_tree

# Never true, and never the same as what is tried.
SELL = {"type": "indicator", "indicator": {"type": "price", "condition": "above", "value": 1e12}}


def indicator(kind: str, condition: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """An indicator node, its numbers beside its type."""
    given = {"type": kind, "condition": condition, **more}
    return {"type": "indicator", "indicator": given if value is None else {**given, "value": value}}


def both(buy: Any, sell: Any = SELL) -> dict[str, Any]:
    """A strategy of two sides."""
    return {"buy_conditions": buy, "sell_conditions": sell}


def nested(levels: int, leaf: Any = None) -> Any:
    """A node below so many others."""
    node = leaf or indicator("sma", "above", 1)
    for _ in range(levels):
        node = {"type": "not", "child": node}
    return node


def codes(document: Any, level: str = "error") -> list[tuple[str, str]]:
    """Path and code of everything found in a document."""
    return [(item.path, item.code) for item in parse_conditions(document).findings if item.level == level]


def tried(buy: Any, price_data: list[Any], sell: Any = SELL) -> Trial:
    """What a tree says to prices."""
    parsed: Parsed = parse_conditions(both(buy, sell))
    assert parsed.tree is not None, parsed.errors
    return try_tree(parsed.tree, columns_of(price_data))


def signals(buy: Any, price_data: list[Any], sell: Any = SELL) -> list[int]:
    """1, -1 or 0 after each price."""
    return tried(buy, price_data, sell).signals.tolist()


def signal(buy: Any, price_data: list[Any]) -> bool:
    """Whether a tree buys after the last price."""
    return tried(buy, price_data).signal == "BUY"
