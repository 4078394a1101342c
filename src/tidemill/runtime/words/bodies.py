"""From what a person or program wrote to an event for the core: checked, on the grid, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind, Intent, Side, TimeInForce, Verdict
from tidemill.model.errors import GuardRefusal, UnknownName
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT

__all__ = ["intent_row", "number_of", "price_of", "settle_entry", "verdict_row"]

_ON_GRID = 1e-6  # share of a tick
_PRICES = ("limit_price", "stop_price", "stop_loss", "take_profit", "entry_price")
_LOT_SLACK = 1e-9  # binary noise of a decimal quantity


def number_of(body: Mapping[str, Any], name: str) -> float:
    """Return a number of a body that may be left out; zero stands for none."""
    try:
        return float(body.get(name) or 0.0)
    except (TypeError, ValueError):
        raise GuardRefusal("not_a_number", f"{name} must be a number, not {body.get(name)!r}.") from None


def price_of(body: Mapping[str, Any], name: str, item: Instrument) -> float:
    """Return a price that may be left out; zero means none."""
    if body.get(name) is None:
        return 0.0
    price = number_of(body, name)
    if not (0.0 < price < float("inf")):
        raise GuardRefusal("bad_price", f"{name} must be above zero, not {body[name]!r}; leave it out for none.")
    if item.tick_size and abs(price / item.tick_size - round(price / item.tick_size)) > _ON_GRID:
        sentence = f"{name} {price:g} does not lie on the {item.tick_size:g} grid of {item.symbol}."
        raise GuardRefusal("off_tick", sentence)
    return price


def _quantity(body: Mapping[str, Any], item: Instrument) -> float:
    quantity = number_of(body, "quantity")
    if not (0.0 < quantity < float("inf")):
        raise GuardRefusal("no_quantity", f"The quantity must be above zero, not {body.get('quantity')!r}.")
    lots = quantity / item.lot_size
    if abs(lots - round(lots)) > _LOT_SLACK * max(1.0, lots):
        code = "fraction" if item.lot_size == 1.0 else "off_lot"
        sentence = f"{item.symbol} is traded in multiples of {item.lot_size:g}, and {quantity:g} is none."
        raise GuardRefusal(code, sentence)
    return quantity


def _check_sides(side: Side, prices: Mapping[str, float]) -> None:
    """Refuse protection on the wrong side of the entry, as far as the order itself tells its price."""
    entry = prices["limit_price"] or prices["stop_price"] or prices["entry_price"]
    stop, target = prices["stop_loss"], prices["take_profit"]
    name = side.name.lower()
    if stop and entry and not (side * (entry - stop) > 0.0):
        raise GuardRefusal("stop_side", f"The stop {stop:g} of a {name} at {entry:g} is on the wrong side; swap it.")
    if target and entry and not (side * (target - entry) > 0.0):
        raise GuardRefusal("target_side", f"The target {target:g} of a {name} at {entry:g} is on the wrong side.")
    if stop and target and not (side * (target - stop) > 0.0):
        raise GuardRefusal("stop_side", f"Stop {stop:g} and target {target:g} of a {name} are the wrong way round.")


def intent_row(body: Mapping[str, Any], instruments: Sequence[Instrument], strategies: Sequence[str]) -> NDArray[Any]:
    """Return the INTENT event of an order somebody asks for.

    Args:
        body: symbol, side (buy or sell), quantity; optional limit_price, stop_price (trigger), stop_loss, take_profit,
            strategy (the first of the run when left out), closes (true: reduce what is open), confidence (0 to 100:
            how sure a signal from outside is; a person states none), time_in_force (gtc, day, ioc, fok; the settings'
            own when left out), entry_price (trade when it is touched or crossed, from wherever the market stands).

    Raises:
        GuardRefusal: something cannot be traded as asked for; its code names what.
    """
    symbols = [item.symbol for item in instruments]
    symbol, strategy = str(body.get("symbol", "")), str(body.get("strategy") or strategies[0])
    if symbol not in symbols:
        raise GuardRefusal("unknown_symbol", str(UnknownName("symbol in this run", symbol, symbols)))
    if strategy not in strategies:
        raise GuardRefusal("unknown_strategy", str(UnknownName("strategy in this run", strategy, strategies)))
    try:
        side = Side[str(body.get("side", "")).upper()]
    except KeyError:
        raise GuardRefusal("bad_side", f"side must be buy or sell, not {body.get('side')!r}.") from None
    item = instruments[symbols.index(symbol)]
    quantity = _quantity(body, item)
    prices = {name: price_of(body, name, item) for name in _PRICES}
    if prices["entry_price"] and (prices["limit_price"] or prices["stop_price"]):
        raise GuardRefusal("bad_price", "entry_price stands alone: the market decides whether it is a limit or a stop.")
    _check_sides(side, prices)
    row = np.zeros(1, EVENT)
    row["kind"] = int(EventKind.INTENT)
    row["instrument"] = symbols.index(symbol)
    row["order"] = list(strategies).index(strategy)
    row["code"] = int(side)
    row["extra"] = int(Intent.EXIT if body.get("closes") else Intent.ENTRY)
    row["volume"] = quantity
    row["bid"], row["ask"] = prices["limit_price"], prices["stop_price"]
    row["low"], row["high"] = prices["stop_loss"], prices["take_profit"]
    row["open"] = prices["entry_price"]
    row["close"] = _confidence(body)
    row["money"] = _time_in_force(body)
    return row


def _time_in_force(body: Mapping[str, Any]) -> int:
    """Return how long an order may work as an INTENT row carries it: one more than its number, 0 for none said."""
    name = body.get("time_in_force")
    if name is None:
        return 0
    if str(name).upper() not in TimeInForce.__members__:
        known = ", ".join(item.name.lower() for item in TimeInForce)
        raise GuardRefusal("bad_time_in_force", f"time_in_force is one of {known}, not {name!r}.")
    return int(TimeInForce[str(name).upper()]) + 1


def _confidence(body: Mapping[str, Any]) -> float:
    confidence = number_of(body, "confidence")
    if not (0.0 <= confidence <= 100.0):
        raise GuardRefusal("bad_confidence", f"confidence lies between 0 and 100, not {confidence:g}.")
    return confidence


def settle_entry(row: NDArray[Any], last: float) -> None:
    """Make an entry that is to be touched or crossed a limit or a stop, as the market stands on this side or that.

    Args:
        row: INTENT event; changed in place. last: newest price, 0 while none has come: then it is a stop, which waits
            for the first price at the entry or beyond.
    """
    entry, side = float(row["open"][0]), int(row["code"][0])
    if entry > 0.0:
        is_beyond = not (last > 0.0) or side * (entry - last) > 0.0
        row["ask" if is_beyond else "bid"] = entry


def verdict_row(body: Mapping[str, Any]) -> NDArray[Any]:
    """Return the VERDICT event of an answer to a proposal.

    Args:
        body: proposal (its number), answer (approve, veto or scale), ratio (of a scale: 0 to 1), confidence (0 to 100).

    Raises:
        GuardRefusal: the answer is none.
    """
    name = str(body.get("answer", "")).upper()
    if name not in Verdict.__members__:
        raise GuardRefusal("bad_answer", f"A gate answers approve, veto or scale, not {body.get('answer')!r}.")
    ratio, confidence = number_of(body, "ratio"), _confidence(body)
    if name == Verdict.SCALE.name and not (0.0 < ratio <= 1.0):
        raise GuardRefusal("bad_ratio", f"A gate may only scale down: ratio above 0 and at most 1, not {ratio:g}.")
    number = number_of(body, "proposal")
    if not (1.0 <= number < 2.0**53) or number != int(number):
        raise GuardRefusal("bad_proposal", f"{body.get('proposal')!r} is no number of a proposal.")
    row = np.zeros(1, EVENT)
    row["kind"] = int(EventKind.VERDICT)
    row["instrument"] = -1
    row["order"] = int(number)
    row["code"] = int(Verdict[name])
    row["volume"] = ratio
    row["close"] = confidence
    return row
