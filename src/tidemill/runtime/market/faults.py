"""What cannot be true about market data: one rule per fault, with a name that lasts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.model.enums import EventKind

__all__ = ["ON_GRID", "RULES", "BorderSettings", "Fault", "Quarantined", "Sighting"]

ON_GRID = 1e-6
"""How far from a whole number of price steps a price may lie, in steps."""


class Fault(IntEnum):
    """Why a tick, quote or bar was set aside; stored in records, never renumbered."""

    NONE = 0
    UNKNOWN_SYMBOL = 1
    NOT_A_NUMBER = 2
    INFINITE = 3
    NOT_POSITIVE = 4
    NEGATIVE_SIZE = 5
    CROSSED = 6
    HIGH_BELOW_LOW = 7
    OUTSIDE_RANGE = 8
    FUTURE_STAMP = 9
    TOO_OLD = 10
    DUPLICATE = 11
    OUT_OF_ORDER = 12
    OFF_GRID = 13
    SPIKE = 14


@dataclass(frozen=True, slots=True)
class BorderSettings:
    """How strict the border is.

    Args:
        band_ratio: how far a price may lie from the last one: 0.5 is half as much again, or two thirds; 0: any.
        ahead_ns: how far a stamp may run ahead of the clock.
        max_age_ns: how old a stamp may be on arrival, the feed's own delay left out; 0: any.
        delay_ns: how far behind the market the feed is by contract.
    """

    band_ratio: float = 0.5
    ahead_ns: int = SECOND_NS
    max_age_ns: int = 5 * MINUTE_NS
    delay_ns: int = 0

    @classmethod
    def of_replay(cls) -> BorderSettings:
        """Return what suits stored data: their stamps are the clock, and a backtest takes their jumps as well."""
        return cls(band_ratio=0.0, max_age_ns=0)


@dataclass(slots=True)
class Sighting:
    """What the rules look at: one print, quote or bar.

    Args:
        count: how many instruments there are.
        ts_ns: its stamp; a bar's end.
        prices: all prices in it: one, bid and ask, or open, high, low, close.
        known: the last price that was let pass, NaN before the first.
        grid: price step it must lie on, 0 for any.
        is_repeated: it came before.
        is_backward: a bar older than one already taken.
    """

    kind: EventKind
    instrument: int
    count: int
    ts_ns: int
    now_ns: int
    prices: tuple[float, ...]
    size: float
    known: float
    grid: float
    is_repeated: bool
    is_backward: bool
    rules: BorderSettings


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One thing set aside: what, of which instrument, stamped when, arrived when, its prices and size."""

    fault: Fault
    kind: EventKind
    instrument: int
    ts_ns: int
    at_ns: int
    prices: tuple[float, ...]
    size: float


def _is_unknown(seen: Sighting) -> bool:
    return not 0 <= seen.instrument < seen.count


def _is_not_a_number(seen: Sighting) -> bool:
    return any(math.isnan(price) for price in seen.prices) or math.isnan(seen.size)


def _is_infinite(seen: Sighting) -> bool:
    return any(math.isinf(price) for price in seen.prices) or math.isinf(seen.size)


def _is_not_positive(seen: Sighting) -> bool:
    return any(price <= 0.0 for price in seen.prices)


def _has_negative_size(seen: Sighting) -> bool:
    return seen.size < 0.0


def _is_crossed(seen: Sighting) -> bool:
    """Bid above ask; a locked quote (equal) is possible."""
    return seen.kind is EventKind.QUOTE and seen.prices[0] > seen.prices[1]


def _has_high_below_low(seen: Sighting) -> bool:
    return seen.kind is EventKind.BAR and seen.prices[1] < seen.prices[2]


def _is_outside_range(seen: Sighting) -> bool:
    if seen.kind is not EventKind.BAR:
        return False
    first, high, low, last = seen.prices
    return not (low <= first <= high and low <= last <= high)


def _is_from_the_future(seen: Sighting) -> bool:
    return seen.ts_ns > seen.now_ns + seen.rules.ahead_ns


def _is_too_old(seen: Sighting) -> bool:
    limit = seen.rules.max_age_ns
    return limit > 0 and seen.now_ns - seen.ts_ns > limit + seen.rules.delay_ns


def _is_duplicate(seen: Sighting) -> bool:
    return seen.is_repeated


def _is_out_of_order(seen: Sighting) -> bool:
    """A bar older than one already taken; ticks may come a little out of order, candles settle that."""
    return seen.is_backward


def _is_off_grid(seen: Sighting) -> bool:
    if seen.grid <= 0.0:
        return False
    return any(abs(price / seen.grid - round(price / seen.grid)) > ON_GRID for price in seen.prices)


def _is_spike(seen: Sighting) -> bool:
    reach = 1.0 + seen.rules.band_ratio
    if seen.rules.band_ratio <= 0.0 or math.isnan(seen.known):
        return False
    return any(not seen.known / reach <= price <= seen.known * reach for price in seen.prices)


RULES: tuple[tuple[Fault, Callable[[Sighting], bool]], ...] = (
    (Fault.UNKNOWN_SYMBOL, _is_unknown),
    (Fault.NOT_A_NUMBER, _is_not_a_number),
    (Fault.INFINITE, _is_infinite),
    (Fault.NOT_POSITIVE, _is_not_positive),
    (Fault.NEGATIVE_SIZE, _has_negative_size),
    (Fault.CROSSED, _is_crossed),
    (Fault.HIGH_BELOW_LOW, _has_high_below_low),
    (Fault.OUTSIDE_RANGE, _is_outside_range),
    (Fault.FUTURE_STAMP, _is_from_the_future),
    (Fault.TOO_OLD, _is_too_old),
    (Fault.DUPLICATE, _is_duplicate),
    (Fault.OUT_OF_ORDER, _is_out_of_order),
    (Fault.OFF_GRID, _is_off_grid),
    (Fault.SPIKE, _is_spike),
)
"""The rules in the order in which they are asked; the first that holds names the fault."""
