"""What can only be seen of a whole tree: sides that contradict each other, and bounds on all indicators together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidemill.authoring.conditions.findings import Findings
from tidemill.model.conditions import MAX_INDICATORS, MAX_WINDOW_BARS, Comparison, ConditionTree, Node, Series

__all__ = ["check_tree", "comparisons_of", "indicators_of", "warmup_bars", "window_bars"]

_NO_INDICATOR = ("price", "volume")
_WINDOWS = {"sma": 1, "bollingerBands": 1, "vwap": 2}  # rolling windows of one period each


def comparisons_of(node: Node) -> Iterator[tuple[Node, Comparison]]:
    """Yield every indicator node under a node, in the order they are written."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if item.comparison is not None:
            yield item, item.comparison
        waiting += reversed(item.children)


def indicators_of(comparison: Comparison) -> list[Series]:
    """Return the indicators a condition needs; prices and volume are none."""
    return [
        item
        for item in (comparison.left, comparison.right)
        if isinstance(item, Series) and item.kind not in _NO_INDICATOR
    ]


def window_bars(series: Series) -> int:
    """Return how many bars an indicator has to keep."""
    return _WINDOWS.get(series.kind, 0) * int(series.params.get("period", 0))


def warmup_bars(series: Series) -> int:
    """Return after how many bars a series has a value."""
    params = series.params
    if series.kind == "macd":
        smoothed = series.output != "line"
        return int(params["slowPeriod"] + (params["signalPeriod"] - 1 if smoothed else 0))
    return int(params.get("period", 1)) + (series.kind == "rsi")


def _shape(node: Node) -> Any:
    """Return what a node says, without where it stands."""
    comparison = node.comparison
    if comparison is None:
        return node.kind, tuple(_shape(child) for child in node.children)
    left, right = comparison.left, comparison.right
    other = (right.indicator, right.output) if isinstance(right, Series) else right
    return left.indicator, left.output, comparison.condition, other


def check_tree(tree: ConditionTree, findings: Findings) -> None:
    """Note what is wrong or odd about a whole tree."""
    if _shape(tree.buy) == _shape(tree.sell):
        findings.error(
            tree.sell.path,
            "identical_sides",
            "Buying and selling have the same conditions; buying would always win.",
            "Change one of them.",
        )
    for side in (tree.buy, tree.sell):
        used = [item.indicator for _, comparison in comparisons_of(side) for item in indicators_of(comparison)]
        if len(set(used)) == 1:
            findings.warning(
                side.path,
                "single_indicator",
                "This side hangs on a single indicator.",
                "A second one would confirm it.",
            )
    bought = [node for node, item in comparisons_of(tree.buy) if item.condition == "overbought"]
    sold = [node for node, item in comparisons_of(tree.sell) if item.condition == "oversold"]
    if bought and sold:
        findings.warning(
            bought[0].path,
            "buys_overbought",
            "It buys what is overbought and sells what is oversold, against the usual reading.",
            "Make sure that it is meant this way round.",
        )
    _check_sizes(tree, findings)


def _check_sizes(tree: ConditionTree, findings: Findings) -> None:
    used: set[Any] = set()
    bars = 0
    for side in (tree.buy, tree.sell):
        for node, comparison in comparisons_of(side):
            for series in indicators_of(comparison):
                if series.indicator in used:
                    continue
                used.add(series.indicator)
                bars += window_bars(series)
                if len(used) > MAX_INDICATORS:
                    sentence = f"A strategy has at most {MAX_INDICATORS} different indicators."
                    findings.error(node.path, "too_many_indicators", sentence, "Use some of them twice.")
                    return
                if bars > MAX_WINDOW_BARS:
                    sentence = f"All rolling windows together have at most {MAX_WINDOW_BARS} bars."
                    findings.error(node.path, "too_many_window_bars", sentence, "Use shorter periods, or EMAs.")
                    return
