"""The gap between what a run earned and what its backtest earned, split into causes that sum to it exactly.

Between the two stand runs of the same core over the same events that differ in one thing each. What one step adds is
the result after it less the result before it, so the steps sum to the gap whatever they are. The last step, from the
orders the run decided to the fills it got, is split by fills: both sides' money is the sum over fills of
``side * units * (last price - fill price) * multiplier - fee``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemill.model.instrument import Instrument
from tidemill.model.units import MICROS
from tidemill.research.flight.reference import MarketPrices
from tidemill.research.flight.sent import SentOrder, pair_orders

__all__ = ["CAUSES", "Gap", "Results", "split_gap"]

_NEVER = 2**63 - 1

CAUSES: Mapping[str, str] = {
    "data": "other market data than the reference",
    "operator": "people's orders, halts and cancels",
    "guard": "orders the guard kept back",
    "fees": "other fees than simulated",
    "partial fills": "symbols in which an order got other units than simulated, before anything else differed",
    "spread": "fills nearer to or farther from the market's price of their moment",
    "timing": "symbols in which a fill came at another moment, or an order was sent by one side only",
}


@dataclass(frozen=True, slots=True)
class Results:
    """What the same strategies earned under conditions that come closer to the run step by step, micros.

    Args:
        reference: backtest over the reference data.
        tape: backtest over the market data on the run's tape.
        people: the same, with people's words on the tape obeyed when they came.
        guarded: the same, and the orders that the run's guard kept back kept back.
        run: the run itself.
    """

    reference: int
    tape: int
    people: int
    guarded: int
    run: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The gap and its parts.

    Args:
        run_micros, backtest_micros: what both earned. gap_micros: the difference.
        parts: by cause, micros; they sum to the gap.
    """

    run_micros: int
    backtest_micros: int
    gap_micros: int
    parts: Mapping[str, int]


def split_gap(
    results: Results,
    real: Sequence[SentOrder],
    simulated: Sequence[SentOrder],
    prices: MarketPrices,
    instruments: Sequence[Instrument],
    rates: Mapping[int, float],
) -> Gap:
    """Return the gap of a run and its causes.

    Args:
        results: of the steps in between.
        real: the run's orders. simulated: those of the last step before it.
        prices: the market of the tape.
        instruments: by row. rates: by row, what converts an instrument's currency to the account's; 1 left out.
    """
    fees = sum(order.fees for order in simulated) - sum(order.fees for order in real)
    partial = spread = 0.0
    for key in sorted({_slot(order) for order in (*real, *simulated)}):
        row = key[1]
        ours, others = ([order for order in side if _slot(order) == key] for side in (real, simulated))
        pairs, _, _ = pair_orders(ours, others)
        unit = instruments[row].multiplier * rates.get(row, 1.0) * MICROS
        nearer = math.fsum(_nearer(one, two, prices) for one, two in pairs) * unit
        spread += nearer
        if _starts_with_units(ours, others, pairs):
            last = prices.last(row)
            partial += (_worth(ours, last) - _worth(others, last)) * unit - nearer
    parts = {
        "data": results.tape - results.reference,
        "operator": results.people - results.tape,
        "guard": results.guarded - results.people,
        "fees": fees,
        "partial fills": _whole(partial),
        "spread": _whole(spread),
    }
    gap = results.run - results.reference
    parts["timing"] = gap - sum(parts.values())
    return Gap(results.run, results.reference, gap, {name: parts[name] for name in CAUSES})


def _slot(order: SentOrder) -> tuple[int, int]:
    return (order.strategy, order.instrument)


def _worth(orders: Sequence[SentOrder], last: float) -> float:
    """Return what fills have earned up to a last price, before fees and per unit of multiplier."""
    return math.fsum(order.side * (order.filled * last - order.value) for order in orders if order.filled > 0.0)


def _starts_with_units(
    ours: Sequence[SentOrder], others: Sequence[SentOrder], pairs: Sequence[tuple[SentOrder, SentOrder]]
) -> bool:
    """Tell whether the first difference in a strategy's symbol is that an order both sent got other units."""
    if len(pairs) < max(len(ours), len(others)):
        paired = {id(order) for pair in pairs for order in pair}
        alone = min(order.created_ns for order in (*ours, *others) if id(order) not in paired)
    else:
        alone = _NEVER
    wrong = [(one, two) for one, two in pairs if _story(one) != _story(two)]
    if not wrong or wrong[0][0].created_ns >= alone:
        return False
    one, two = wrong[0]
    return one.filled != two.filled


def _story(order: SentOrder) -> tuple[float, float, int, int]:
    return (order.filled, order.value, order.first_ns, order.last_ns)


def _nearer(one: SentOrder, two: SentOrder, prices: MarketPrices) -> float:
    """Return what both sides' distances from the market's price of their moments differ by, over the shared units."""
    shared = min(one.filled, two.filled)
    if shared == 0.0 or (one.first_ns == two.first_ns and one.price == two.price):
        return 0.0
    paid = one.price - prices.at(one.instrument, one.first_ns)
    simulated = two.price - prices.at(two.instrument, two.first_ns)
    return -one.side * shared * (paid - simulated)


def _whole(amount: float) -> int:
    return math.floor(amount + 0.5) if math.isfinite(amount) else 0
