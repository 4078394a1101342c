"""A tree in plain English, as one would read it to somebody."""

from __future__ import annotations

from tidemill.authoring.conditions.vocabulary import CONDITIONS, KINDS
from tidemill.model.conditions import Comparison, ConditionTree, Node, Series

__all__ = ["read_aloud", "say_comparison", "say_series"]

_PRICES = {"hl2": "(high + low) / 2", "hlc3": "(high + low + close) / 3", "ohlc4": "(open + high + low + close) / 4"}


def read_aloud(tree: ConditionTree) -> str:
    """Return when a strategy buys and when it sells, one sentence each."""
    return f"Buy when {_say(tree.buy)}.\nSell when {_say(tree.sell)}."


def _say(node: Node) -> str:
    """Say a node; it calls itself for each level, of which a tree that was read has few."""
    if node.comparison is not None:
        return say_comparison(node.comparison)
    parts = [f"({_say(child)})" if len(child.children) > 1 else _say(child) for child in node.children]
    if node.kind == "not":
        return f"it is not so that {parts[0]}"
    return f" {node.kind} ".join(parts)


def say_comparison(item: Comparison) -> str:
    """Say one condition: ``RSI(14) is below 30``."""
    right = say_series(item.right) if isinstance(item.right, Series) else f"{item.right or 0.0:.15g}"
    price = _price("close" if item.left.kind == "vwap" else item.left.source)
    return CONDITIONS[item.condition].sentence.format(left=say_series(item.left), right=right, price=price)


def say_series(series: Series) -> str:
    """Say a series: ``SMA(20)``, ``SMA(20) of the high``, ``the signal line of MACD(12, 26, 9)``."""
    kind = KINDS[series.kind]
    if series.kind == "price":
        return _price(series.source)
    if series.kind == "volume":
        return "the volume"
    numbers = ", ".join(f"{value:.15g}" for value in series.params.values())
    text = f"{kind.label}({numbers})" if numbers else f"{kind.label} since the first bar"
    if series.source != kind.sources[0]:
        text += f" of {_price(series.source)}"
    if series.output == kind.outputs[0]:
        return text
    names = {"signal": "signal line", "lower": "lower band", "upper": "upper band"}
    return f"the {names.get(series.output, series.output)} of {text}"


def _price(source: str) -> str:
    return (
        "the volume" if source == "volume" else f"the price {_PRICES[source]}" if source in _PRICES else f"the {source}"
    )
