"""A tree on given prices: what it would say, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.authoring.conditions.findings import told
from tidemill.authoring.conditions.program import compile_tree
from tidemill.authoring.conditions.tree import Met, met_in
from tidemill.kernel.condition_rows import judge_rows
from tidemill.model.conditions import ConditionTree
from tidemill.model.errors import DataError

__all__ = ["MAX_PRICES", "SIGNALS", "Trial", "columns_of", "try_tree"]

MAX_PRICES = 100_000  # bars
SIGNALS = {1: "BUY", -1: "SELL", 0: None}
_FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a tree says to a stretch of prices.

    Args:
        signal: after the last bar: ``BUY``, ``SELL`` or None.
        signals: after each bar, int64[n]: 1 buy, -1 sell, 0 neither.
        needed_bars: after so many bars every condition has an answer.
        conditions: each with its numbers after the last bar.
    """

    signal: str | None
    signals: NDArray[np.int64]
    needed_bars: int
    conditions: Sequence[Met]


def try_tree(tree: ConditionTree, columns: NDArray[np.float64]) -> Trial:
    """Run a tree over prices with the kernel that a backtest and a live run use.

    Args:
        tree: the conditions.
        columns: open, high, low, close, volume as rows, float64[5, n], oldest first; see ``columns_of``.
    """
    program = compile_tree(tree)
    memory = program.memory
    given = np.ascontiguousarray(columns, np.float64)
    signals = np.zeros(given.shape[1], np.int64)
    judge_rows(int(memory.ctypes.data), int(given.ctypes.data), given.shape[1], int(signals.ctypes.data))
    last = SIGNALS[int(signals[-1])] if len(signals) else None
    return Trial(last, signals, program.warmup_bars, met_in(program, memory[0]))


def columns_of(price_data: Any) -> NDArray[np.float64]:
    """Return prices given as plain values as columns.

    Args:
        price_data: a list, oldest first, of numbers (a bar that stood at that price, volume 1) or of objects with
            ``close`` (or ``price``) and, where known, ``open``, ``high``, ``low``, ``volume``.

    Returns:
        float64[5, n]: open, high, low, close, volume.

    Raises:
        DataError: no list, none or too many in it, or one of them cannot be used; its place is told.
    """
    if not isinstance(price_data, list) or not 1 <= len(price_data) <= MAX_PRICES:
        raise DataError(f"price_data must be a list of 1 to {MAX_PRICES} prices or bars, not {told(price_data)}.")
    return np.array([_bar(item, f"price_data[{number}]") for number, item in enumerate(price_data)]).T.copy()


def _bar(item: Any, where: str) -> tuple[float, ...]:
    if not isinstance(item, Mapping):
        price = _price(item, where)
        return price, price, price, price, 1.0
    close = _price(item.get("close", item.get("price")), f"{where}.close")
    given = [close if item.get(name) is None else _price(item[name], f"{where}.{name}") for name in _FIELDS[:4]]
    opened, high, low, _ = given
    if low > min(opened, close) or high < max(opened, close):
        if item.get("high") is not None and item.get("low") is not None:
            raise DataError(f"{where} is no bar: open and close must lie between low and high.")
        high, low = max(given), min(given)
    volume = 1.0 if item.get("volume") is None else _number(item["volume"], f"{where}.volume")
    return opened, high, low, close, volume


def _price(value: Any, where: str) -> float:
    price = _number(value, where)
    if price == 0.0:
        raise DataError(f"{where} is 0; a price is above 0.")
    return price


def _number(value: Any, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number) and number >= 0.0:
            return number
    raise DataError(f"{where} must be a finite number, 0 or above, not {told(value)}.")
