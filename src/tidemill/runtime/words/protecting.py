"""A wish for other protection of one open position: read, held against the position, refused by name or allowed.

Protection may come nearer to the market at any time. It may go further away only as far as the strategy's own settings
would have placed it, so that no word makes a position riskier than its agent allows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind, Operator
from tidemill.model.errors import GuardRefusal, UnknownName
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.runtime.words.bodies import number_of, price_of

__all__ = ["ProtectWord", "check_protection", "find_slot", "protect_row", "protect_word"]

_WHOLE = 100.0  # percent
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class ProtectWord:
    """Other protection of one position; zero leaves a term as it is.

    Args:
        instrument, strategy: rows. stop, target: prices. trail_amount: price points; trail_pct: 0 to 100.
        by, key: who asked, under which command.
    """

    instrument: int
    strategy: int
    stop: float
    target: float
    trail_amount: float
    trail_pct: float
    by: str
    key: str

    def text(self) -> str:
        """Return the terms as JSON, for the record."""
        terms = {
            "stop_loss": self.stop,
            "take_profit": self.target,
            "trailing_amount": self.trail_amount,
            "trailing_pct": self.trail_pct,
        }
        return json.dumps({name: value for name, value in terms.items() if value}, sort_keys=True)


def protect_word(
    body: Mapping[str, Any], instruments: Sequence[Instrument], strategies: Sequence[str], by: str, key: str
) -> ProtectWord:
    """Return the word for a body.

    Args:
        body: symbol; strategy (the first of the run when left out); at least one of stop_loss, take_profit (prices),
            and trailing_amount (price points) or trailing_pct (above 0, below 100).

    Raises:
        GuardRefusal: something is missing or no number it can be.
    """
    symbols = [item.symbol for item in instruments]
    symbol, strategy = str(body.get("symbol", "")), str(body.get("strategy") or strategies[0])
    if symbol not in symbols:
        raise GuardRefusal("unknown_symbol", str(UnknownName("symbol in this run", symbol, symbols)))
    if strategy not in strategies:
        raise GuardRefusal("unknown_strategy", str(UnknownName("strategy in this run", strategy, strategies)))
    item = instruments[symbols.index(symbol)]
    stop, target = price_of(body, "stop_loss", item), price_of(body, "take_profit", item)
    amount, pct = number_of(body, "trailing_amount"), number_of(body, "trailing_pct")
    if not (0.0 <= amount < float("inf") and 0.0 <= pct < _WHOLE) or (amount and pct):
        sentence = "A trail is either trailing_amount above zero or trailing_pct between 0 and 100."
        raise GuardRefusal("bad_trail", sentence)
    if not (stop or target or amount or pct):
        sentence = "Say what is to change: stop_loss, take_profit, trailing_amount or trailing_pct."
        raise GuardRefusal("nothing_to_change", sentence)
    return ProtectWord(symbols.index(symbol), list(strategies).index(strategy), stop, target, amount, pct, by, key)


def find_slot(slots: NDArray[Any], word: ProtectWord) -> Any:
    """Return the open position a word is about. Raises GuardRefusal: there is none."""
    own = (slots["instrument"] == word.instrument) & (slots["strategy"] == word.strategy) & (slots["quantity"] != 0.0)
    found = np.flatnonzero(own)
    if not len(found):
        raise GuardRefusal("no_position", "There is no open position to protect; it may be closed already.")
    return slots[int(found[0])]


def check_protection(word: ProtectWord, slot: Any, settings: Any, last: float, name: str) -> None:
    """Refuse protection that would act at once, or that is wider than what stands and the settings allow.

    Args:
        slot, settings: of the position. last: newest price of it. name: of the symbol.

    Raises:
        GuardRefusal: names the price that would do.
    """
    side = 1.0 if float(slot["quantity"]) > 0.0 else -1.0
    if word.stop and not (side * (last - word.stop) > 0.0):
        sentence = f"The stop {word.stop:g} of {name} is at or beyond the market at {last:g}; close it instead."
        raise GuardRefusal("stop_side", sentence)
    if word.target and not (side * (word.target - last) > 0.0):
        sentence = f"The target {word.target:g} of {name} is reached at {last:g} already; close it instead."
        raise GuardRefusal("target_side", sentence)
    average = _average(slot, side)
    widest = _widest_stop(slot, settings, average, side)
    if word.stop and widest and side * (word.stop - widest) < -_TINY * widest:
        way = "above" if side > 0.0 else "below"
        sentence = f"The stop {word.stop:g} of {name} is wider than allowed: at or {way} {widest:g}."
        raise GuardRefusal("stop_too_wide", sentence)
    _check_trail(word, slot, settings, last, name)


def _average(slot: Any, side: float) -> float:
    units, value = ("bought", "bought_value") if side > 0.0 else ("sold", "sold_value")
    return float(slot[value]) / float(slot[units]) if float(slot[units]) > 0.0 else 0.0


def _widest_stop(slot: Any, settings: Any, average: float, side: float) -> float:
    """Return the furthest price a stop may stand at, 0 where nothing says so."""
    pct = float(settings["stop_loss_pct"])
    allowed = [float(slot["stop_price"])]
    if pct > 0.0 and average > 0.0:
        allowed.append(average * (1.0 - side * pct / _WHOLE))
    prices = [price for price in allowed if price > 0.0]
    if not prices:
        return 0.0
    return min(prices) if side > 0.0 else max(prices)


def _check_trail(word: ProtectWord, slot: Any, settings: Any, last: float, name: str) -> None:
    """Refuse a trail that is longer than the one at work and the settings' own."""
    asked = _distance(word.trail_amount, word.trail_pct, last)
    present = _distance(float(slot["trail_amount"]), float(slot["trail_pct"]), last)
    own = _distance(float(settings["trailing_amount"]), float(settings["trailing_pct"]), last)
    longest = max(present, own)
    if asked and longest and asked > longest * (1.0 + _TINY):
        sentence = f"The trail of {name} is longer than allowed: {longest:g} points at most at {last:g}."
        raise GuardRefusal("trail_too_wide", sentence)


def _distance(amount: float, pct: float, last: float) -> float:
    return amount if amount > 0.0 else last * pct / _WHOLE


def protect_row(word: ProtectWord, units: float, now_ns: int) -> NDArray[Any]:
    """Return the OPERATOR event of a word: for whatever is held on the side of ``units``."""
    row = np.zeros(1, EVENT)
    row["kind"] = int(EventKind.OPERATOR)
    row["code"] = int(Operator.PROTECT)
    row["instrument"] = word.instrument
    row["order"] = word.strategy
    row["ts_ns"] = row["now_ns"] = now_ns
    row["low"], row["high"] = word.stop, word.target
    row["bid"], row["ask"] = word.trail_amount, word.trail_pct
    row["volume"] = units
    row["row"] = -1
    return row
