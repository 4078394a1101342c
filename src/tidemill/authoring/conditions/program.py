"""From a tree to the program that the kernel runs: registers, indicators, one row of steps for each side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidemill.authoring.conditions.checks import comparisons_of, warmup_bars
from tidemill.kernel.conditions import (
    ABOVE,
    AND,
    AT_LEAST,
    AT_MOST,
    BANDS,
    BELOW,
    CROSSES_ABOVE,
    CROSSES_BELOW,
    EMA,
    FALLING,
    FIRST_LINE,
    FIRST_NUMBER,
    LAYOUT,
    LINES,
    MACD,
    MEMORIES,
    NOT,
    OPERAND,
    OR,
    PRICES,
    RISING,
    RSI,
    SMA,
    VWAP,
    VWAP_WINDOW,
)
from tidemill.kernel.memory import record_in
from tidemill.model.conditions import MIN_BARS, Comparison, ConditionTree, Node, Series

__all__ = ["LeafPlace", "Program", "compile_tree"]

# Lines of an indicator in the order of its registers.
_LINES = {"macd": ("line", "signal", "histogram"), "bollingerBands": ("lower", "middle", "upper", "width")}
_FORMS = {"sma": SMA, "ema": EMA, "rsi": RSI, "macd": MACD, "bollingerBands": BANDS}
_WINDOWS = {
    SMA: {"period": "window"},
    EMA: {"period": "window"},
    RSI: {"period": "window"},
    BANDS: {"period": "window"},
    VWAP: {},
    VWAP_WINDOW: {"period": "window"},
    MACD: {"fastPeriod": "fast_window", "slowPeriod": "slow_window", "signalPeriod": "signal_window"},
}
_GENERAL = {
    "above": ABOVE,
    "below": BELOW,
    "crossesAbove": CROSSES_ABOVE,
    "crossesBelow": CROSSES_BELOW,
    "overbought": AT_LEAST,
    "oversold": AT_MOST,
}
# Conditions that name what they compare: steps of (what, first, second). ``price`` is what the indicator is computed
# from (of a VWAP the close), a word is one of its lines, a number is a number.
_OWN: dict[str, tuple[tuple[int, str, str | float], ...]] = {
    "signalAbove": ((ABOVE, "line", "signal"),),
    "signalBelow": ((BELOW, "line", "signal"),),
    "crossesAboveSignal": ((CROSSES_ABOVE, "line", "signal"),),
    "crossesBelowSignal": ((CROSSES_BELOW, "line", "signal"),),
    "histogramPositive": ((ABOVE, "histogram", 0.0),),
    "histogramNegative": ((BELOW, "histogram", 0.0),),
    "priceBelowLower": ((BELOW, "price", "lower"),),
    "priceAboveUpper": ((ABOVE, "price", "upper"),),
    "priceBetweenMiddleAndUpper": ((ABOVE, "price", "middle"), (BELOW, "price", "upper")),
    "priceBetweenMiddleAndLower": ((BELOW, "price", "middle"), (ABOVE, "price", "lower")),
    "priceCrossesAboveMiddle": ((CROSSES_ABOVE, "price", "middle"),),
    "priceCrossesBelowMiddle": ((CROSSES_BELOW, "price", "middle"),),
    "bandsExpanding": ((RISING, "width", "width"),),
    "bandsContracting": ((FALLING, "width", "width"),),
    "priceAbove": ((ABOVE, "price", "value"),),
    "priceBelow": ((BELOW, "price", "value"),),
    "priceCrossesAbove": ((CROSSES_ABOVE, "price", "value"),),
    "priceCrossesBelow": ((CROSSES_BELOW, "price", "value"),),
}
_JOINS = {"and": AND, "or": OR}
_CLOSE = "close"


@dataclass(frozen=True, slots=True)
class LeafPlace:
    """Where one condition's answer and numbers stand in a program's memory.

    Args:
        side: ``buy`` or ``sell``. node: of the tree. step: whose answer is the condition's.
        numbers: register by what it holds, in words.
    """

    side: str
    node: Node
    step: int
    numbers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Program:
    """A tree as the kernel runs it.

    Args:
        memory: one row of ``LAYOUT`` that has seen nothing yet.
        leaves: every condition in the order it is asked.
        warmup_bars: after so many bars every condition has an answer, and never fewer than are asked for anyway.
        lines: every line of an indicator that is compared, by register.
    """

    memory: np.ndarray[Any, np.dtype[Any]]
    leaves: tuple[LeafPlace, ...]
    warmup_bars: int
    lines: tuple[tuple[int, Series], ...]


def compile_tree(tree: ConditionTree) -> Program:
    """Return the program of a tree; equal indicators and equal numbers are held once."""
    writer = _Writer()
    for side, node in (("buy", tree.buy), ("sell", tree.sell)):
        writer.write(side, node)
    return Program(writer.finish(), tuple(writer.leaves), _warmup(tree), tuple(writer.lines.items()))


def _warmup(tree: ConditionTree) -> int:
    needed = MIN_BARS
    for side in (tree.buy, tree.sell):
        for _, item in comparisons_of(side):
            looks_back = item.condition.lower().startswith(("crosses", "pricecrosses", "bands"))
            for series in (item.left, item.right):
                if isinstance(series, Series):
                    needed = max(needed, _of_condition(series, item.condition) + looks_back)
    return needed


def _of_condition(series: Series, condition: str) -> int:
    """Return after how many bars a series can answer: the lines of a MACD do not come all at once."""
    whole = condition in _OWN and series.kind == "macd"
    return warmup_bars(Series(series.kind, series.params, series.source, "signal") if whole else series)


class _Writer:
    """Gives out registers and writes steps."""

    def __init__(self) -> None:
        self.memory = np.zeros(1, LAYOUT)
        self.memory["now"] = self.memory["before"] = math.nan
        self.leaves: list[LeafPlace] = []
        self.lines: dict[int, Series] = {}
        self._steps: list[int] = []
        self._indicators: dict[Any, int] = {}
        self._numbers: dict[float, int] = {}
        self._used = 0

    def write(self, side: str, node: Node) -> None:
        """Write one side, children before what joins them."""
        waiting: list[tuple[Node, int]] = [(node, 0)]
        while waiting:
            item, done = waiting.pop()
            if item.comparison is not None:
                self._leaf(side, item, item.comparison)
                continue
            if done > 1 and item.kind in _JOINS:
                self._steps.append(_JOINS[item.kind])
            if done < len(item.children):
                waiting += [(item, done + 1), (item.children[done], 0)]
            elif item.kind == "not":
                self._steps.append(NOT)
        if side == "buy":
            self.memory["buy_steps"] = len(self._steps)

    def finish(self) -> np.ndarray[Any, np.dtype[Any]]:
        """Return the memory with everything in place."""
        memory = self.memory[0]
        memory["indicators"] = len(self._indicators)
        memory["registers"] = FIRST_LINE + LINES * len(self._indicators)
        memory["steps"] = len(self._steps)
        memory["program"][: len(self._steps)] = self._steps
        for number, register in self._numbers.items():
            memory["now"][register] = memory["before"][register] = number
        return self.memory

    def _leaf(self, side: str, node: Node, item: Comparison) -> None:
        if item.condition in _OWN:
            parts = [
                (what, (first, self._word(item.left, first)), (second, self._word(item.left, second)))
                for what, first, second in _OWN[item.condition]
            ]
        else:
            right = item.right if isinstance(item.right, Series) else float(item.right or 0.0)
            parts = [(_GENERAL[item.condition], ("left", self._series(item.left)), ("right", self._operand(right)))]
        numbers: dict[str, int] = {}
        for place, (what, first, second) in enumerate(parts):
            self._steps.append(what + OPERAND * (first[1] + OPERAND * second[1]))
            numbers |= {str(name): register for name, register in (first, second)}
            if place:
                self._steps.append(AND)
        self.leaves.append(LeafPlace(side, node, len(self._steps) - 1, numbers))

    def _word(self, series: Series, word: str | float) -> int:
        if isinstance(word, float):
            return self._number(word)
        if word == "price":
            return PRICES.index(_CLOSE if series.kind == "vwap" else series.source)
        return self._series(Series(series.kind, series.params, series.source, word))

    def _operand(self, value: float | Series) -> int:
        return self._series(value) if isinstance(value, Series) else self._number(value)

    def _number(self, value: float) -> int:
        return self._numbers.setdefault(value, FIRST_NUMBER + len(self._numbers))

    def _series(self, series: Series) -> int:
        if series.kind in ("price", "volume"):
            return PRICES.index(series.source)
        index = self._indicators.get(series.indicator)
        if index is None:
            index = self._indicators[series.indicator] = len(self._indicators)
            self._place(series, index)
        register = FIRST_LINE + LINES * index + _LINES.get(series.kind, ("value",)).index(series.output)
        self.lines[register] = series
        return register

    def _place(self, series: Series, index: int) -> None:
        """Give an indicator its memory in the pool and its parameters."""
        memory = self.memory[0]
        form = _FORMS.get(series.kind, VWAP_WINDOW if series.params else VWAP)
        memory["form"][index] = form
        memory["source"][index] = PRICES.index(series.source)
        memory["multiplier"][index] = series.params.get("multiplier", 0.0)
        for place, layout in zip(("place", "second_place"), MEMORIES[form], strict=False):
            memory[place][index] = self._used
            record = record_in(memory["pool"], self._used, layout)
            for name, window in _WINDOWS[form].items():
                record[window] = series.params[name]
            self._used += _words(layout, int(series.params.get("period", 0)))


def _words(layout: np.dtype[Any], bars: int) -> int:
    """Return the words of a memory whose ring has so many bars."""
    last = (layout.names or ("",))[-1]
    if last == "ring":
        return int(layout.fields[last][1]) // 8 + bars  # type: ignore[index]
    return layout.itemsize // 8
