"""Trades: clustered arrivals, persistent sides, and the bounce between bid and ask.

Arrivals are a Hawkes process in its branching form: independent parents, each trade begets further ones within
about a second (A. G. Hawkes and D. Oakes, "A Cluster Process Representation of a Self-Exciting Process", Journal
of Applied Probability 11, 1974). Children mostly keep their parent's side, but never across a bar's boundary: a
bar's last side says nothing about the next bar's first, so the bounce cannot be earned with bar data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import MINUTE_NS
from tidemill.model.enums import Side
from tidemill.research.synthetic.sessions import Clock
from tidemill.research.synthetic.stable import Floats, exponential_draws

__all__ = ["Arrivals", "Tape", "clustered_arrivals", "coarse_arrivals", "quote_around", "trade_sizes"]

_BRANCHING = 0.5
_CHILD_DELAY_NS = 400_000_000
_SIDE_KEPT = 0.4
_ODD_LOTS = 0.07
_AUCTION_BEFORE_CLOSE_NS = 1_000_000
_AUCTION, _SELL, _BUY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When trades happen.

    Args:
        clock_ns: int64[n], time on the generator's clock, sorted.
        side: int8[n], Side of the aggressor; NONE marks an auction.
        day: int64[n], day number.
        first, last: int64[days], row of each day's opening and closing auction.
    """

    clock_ns: NDArray[np.int64]
    side: NDArray[np.int8]
    day: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


@dataclass(slots=True)
class Tape:
    """Every trade of one symbol with the quote it met; prices are whole ticks."""

    ts_ns: NDArray[np.int64]
    ticks: NDArray[np.int64]
    size: NDArray[np.int64]
    side: NDArray[np.int8]
    bid_ticks: NDArray[np.int64]
    ask_ticks: NDArray[np.int64]
    day: NDArray[np.int64]

    def rows(self, keep: NDArray[np.bool_]) -> Tape:
        """Return the chosen trades."""
        return Tape(
            self.ts_ns[keep],
            self.ticks[keep],
            self.size[keep],
            self.side[keep],
            self.bid_ticks[keep],
            self.ask_ticks[keep],
            self.day[keep],
        )


def _offspring(
    rng: np.random.Generator, times: NDArray[np.int64], buys: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    children = rng.poisson(_BRANCHING, len(times))
    parents = np.repeat(times, children)
    delay = exponential_draws(rng, len(parents)) * float(_CHILD_DELAY_NS)
    born = parents + delay.astype(np.int64)
    draw = rng.random(len(parents))
    fresh = (draw >= _SIDE_KEPT) | (born // MINUTE_NS != parents // MINUTE_NS)
    side = np.where(fresh, rng.random(len(parents)) < 0.5, np.repeat(buys, children))
    return born, side


def _packed(times: NDArray[np.int64], code: NDArray[np.int64] | int) -> NDArray[np.int64]:
    return times * 4 + code


def _settle(
    clock: Clock, packed: list[NDArray[np.int64]], open_ns: NDArray[np.int64], close_ns: NDArray[np.int64]
) -> Arrivals:
    """Add the two auctions of each day, drop what lies outside the session, and sort."""
    starts = np.arange(clock.days) * clock.day_ns
    opens, closes = starts + open_ns, starts + close_ns - _AUCTION_BEFORE_CLOSE_NS
    rows = np.concatenate(packed)
    day = (rows >> 2) // clock.day_ns
    known = day < clock.days
    day = np.where(known, day, 0)
    rows = rows[known & (rows >> 2 > opens[day]) & (rows >> 2 < closes[day])]
    rows = np.sort(np.concatenate([rows, _packed(opens, _AUCTION), _packed(closes, _AUCTION)]))
    times, code = rows >> 2, rows & 3
    side = np.array([Side.NONE, Side.SELL, Side.BUY], dtype=np.int8)[code]
    return Arrivals(times, side, times // clock.day_ns, np.searchsorted(times, opens), np.searchsorted(times, closes))


def clustered_arrivals(
    rng: np.random.Generator, clock: Clock, rate: Floats, open_ns: NDArray[np.int64], close_ns: NDArray[np.int64]
) -> Arrivals:
    """Draw all trade times and sides.

    Args:
        rate: float64[days, bins], mean number of trades per bin.
        open_ns, close_ns: int64[days], nanoseconds since 18:00 of the evening before.
    """
    counts = rng.poisson(rate.ravel() * (1.0 - _BRANCHING))
    times = np.repeat(np.arange(counts.size) * clock.bin_ns, counts)
    times += (rng.random(len(times)) * clock.bin_ns).astype(np.int64)
    buys = rng.random(len(times)) < 0.5
    packed = []
    while len(times):
        packed.append(_packed(times, np.where(buys, _BUY, _SELL)))
        times, buys = _offspring(rng, times, buys)
    return _settle(clock, packed, open_ns, close_ns)


def coarse_arrivals(
    rng: np.random.Generator, clock: Clock, open_ns: NDArray[np.int64], close_ns: NDArray[np.int64]
) -> Arrivals:
    """Draw one trade per bin: the thinned tape behind long daily histories."""
    count = clock.days * clock.bins
    times = np.arange(count) * clock.bin_ns + (rng.random(count) * clock.bin_ns).astype(np.int64)
    return _settle(clock, [_packed(times, np.where(rng.random(count) < 0.5, _BUY, _SELL))], open_ns, close_ns)


def quote_around(
    price_ticks: Floats, spread_ticks: Floats, side: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return bid, ask and traded price in whole ticks around an efficient price.

    The quote is the efficient price rounded outwards, so that its middle is right on average. Auctions trade at
    the nearest tick.

    Args:
        price_ticks: float64[n], efficient price in ticks.
        spread_ticks: float64[n], wanted spread; whole ticks, at least one, are used.
        side: int8[n], who was the aggressor.
    """
    spread = np.maximum(np.floor(spread_ticks), 1.0)
    bid = np.maximum(np.floor(price_ticks - 0.5 * (spread - 1.0)), 1.0)
    ask = bid + spread
    auction = np.maximum(np.rint(price_ticks), 1.0)
    traded = np.where(side > 0, ask, np.where(side < 0, bid, auction))
    return bid.astype(np.int64), ask.astype(np.int64), traded.astype(np.int64)


def trade_sizes(rng: np.random.Generator, mean_lots: Floats, lot: int) -> NDArray[np.int64]:
    """Draw trade sizes: mostly round lots, a few odd ones where a lot is more than one unit.

    Args:
        mean_lots: float64[n], mean number of lots beyond the first.
        lot: units in a round lot.
    """
    lots = 1 + (exponential_draws(rng, len(mean_lots)) * mean_lots).astype(np.int64)
    sizes = lots * lot
    if lot > 1:
        odd = rng.random(len(sizes)) < _ODD_LOTS
        sizes = np.where(odd, 1 + (rng.random(len(sizes)) * (lot - 1)).astype(np.int64), sizes)
    return sizes
