"""Condition trees as plain values: what is compared with what, joined by and, or and not; and how large they may be.

A tree never holds text that is run: nodes have types, operands are numbers or named series. The vocabulary is that of
the visual condition builder; ``authoring/conditions`` reads it from JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "MAX_BYTES",
    "MAX_CHILDREN",
    "MAX_DEPTH",
    "MAX_INDICATORS",
    "MAX_NODES",
    "MAX_PERIOD",
    "MAX_WINDOW_BARS",
    "MIN_BARS",
    "Comparison",
    "ConditionTree",
    "Finding",
    "Node",
    "Series",
]

MAX_DEPTH = 12  # levels of one side, the node at the top included
MAX_NODES = 256  # of both sides together
MAX_CHILDREN = 32  # of one node
MAX_PERIOD = 5_000  # bars
MAX_BYTES = 65_536  # of the JSON text
MAX_INDICATORS = 64  # different ones; equal ones are computed once
MAX_WINDOW_BARS = 16_384  # of all rolling windows together, for they are kept in memory
MIN_BARS = 10  # before a tree is asked at all


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a tree, or odd about it.

    Args:
        level: ``error`` (the tree cannot be used) or ``warning``.
        path: of the exact place in the JSON, ``buy_conditions.children[1].indicator.value``.
        code: stable name of the kind of finding.
        sentence: what is wrong. hint: what to do.
    """

    level: str
    path: str
    code: str
    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class Series:
    """A number per bar: a price, the volume, or one line of an indicator.

    Args:
        kind: ``price``, ``volume``, ``sma``, ``ema``, ``rsi``, ``macd``, ``bollingerBands`` or ``vwap``.
        params: the indicator's numbers by name, defaults filled in; a VWAP without a period has none.
        source: what it is computed from: close, open, high, low, volume, hl2, hlc3, ohlc4.
        output: which of its lines.
    """

    kind: str
    params: Mapping[str, float]
    source: str
    output: str

    @property
    def indicator(self) -> tuple[str, tuple[float, ...], str]:
        """Return what makes two series lines of one indicator."""
        return self.kind, tuple(self.params.values()), self.source


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition on the current bar.

    Args:
        left: the series it is about. condition: its name, ``crossesAbove``.
        right: what it is compared with: a number or another series; None where the condition names that itself.
    """

    left: Series
    condition: str
    right: float | Series | None


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a tree.

    Args:
        kind: ``indicator``, ``and``, ``or`` or ``not``.
        path: where it stands in the JSON.
        comparison: of an indicator node. children: of the others.
    """

    kind: str
    path: str
    comparison: Comparison | None = None
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class ConditionTree:
    """A custom strategy: when to buy and when to sell."""

    buy: Node
    sell: Node
