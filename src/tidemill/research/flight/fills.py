"""Fill parity: how the fills of a run compare with those the backtester gives the same orders on the same market."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.research.flight.sent import SentOrder, pair_orders

__all__ = ["FillParity", "compare_fills"]

_WHOLE = 100.0
_BPS = 10_000.0
_MS = 1e6


@dataclass(frozen=True, slots=True)
class FillParity:
    """The outcome of a comparison, order by order.

    Args:
        percent: share of orders with a fill on either side whose fills have the same units, price and time.
        orders: of those, with a fill on either side. same: of them equal. only_real, only_simulated: filled on one
            side only, or sent by one side only.
        worse_bps: how much worse the run's prices were, mean over the units both filled; negative: better.
        delay_ms: how much later the run's first fills came, mean over orders both filled.
        missing_units_pct: share of the simulated units of paired orders that the run did not get.
    """

    percent: float
    orders: int
    same: int
    only_real: int
    only_simulated: int
    worse_bps: float
    delay_ms: float
    missing_units_pct: float


def compare_fills(real: Sequence[SentOrder], simulated: Sequence[SentOrder]) -> FillParity:
    """Compare what became of the orders of two runs of one tape."""
    pairs, alone, rest = pair_orders(real, simulated)
    met = [(one, two) for one, two in pairs if one.filled > 0.0 or two.filled > 0.0]
    both = [(one, two) for one, two in met if one.filled > 0.0 and two.filled > 0.0]
    same = sum(_fill(one) == _fill(two) for one, two in met)
    only_real = sum(two.filled == 0.0 for _, two in met) + sum(order.filled > 0.0 for order in alone)
    only_simulated = sum(one.filled == 0.0 for one, _ in met) + sum(order.filled > 0.0 for order in rest)
    orders = len(met) + sum(order.filled > 0.0 for order in (*alone, *rest))
    units = math.fsum(min(one.filled, two.filled) * two.price for one, two in both)
    worse = math.fsum(one.side * (one.price - two.price) * min(one.filled, two.filled) for one, two in both)
    wanted = math.fsum(two.filled for _, two in met)
    missing = math.fsum(max(two.filled - one.filled, 0.0) for one, two in met)
    return FillParity(
        percent=_WHOLE * same / orders if orders else _WHOLE,
        orders=orders,
        same=same,
        only_real=only_real,
        only_simulated=only_simulated,
        worse_bps=_BPS * worse / units if units else 0.0,
        delay_ms=math.fsum(one.first_ns - two.first_ns for one, two in both) / _MS / len(both) if both else 0.0,
        missing_units_pct=_WHOLE * missing / wanted if wanted else 0.0,
    )


def _fill(order: SentOrder) -> tuple[float, float, int, int]:
    return (order.filled, order.value, order.first_ns, order.last_ns)
