"""One symbol's tape: arrivals, efficient price, quotes around it, and sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import MINUTE_NS
from tidemill.research.synthetic.actions import RawFactors, raw_factors
from tidemill.research.synthetic.daily import NIGHT_SHARE, SESSIONS_PER_YEAR
from tidemill.research.synthetic.intraday import activity_profile, open_widening
from tidemill.research.synthetic.news import NewsItem, draw_news
from tidemill.research.synthetic.path import CommonFactor, OwnVariance, SymbolPath, own_variance, symbol_path
from tidemill.research.synthetic.profiles import SymbolProfile
from tidemill.research.synthetic.sessions import Clock, SessionSchedule
from tidemill.research.synthetic.stable import Floats, normal_draws, stable_exp
from tidemill.research.synthetic.trades import (
    Arrivals,
    Tape,
    clustered_arrivals,
    coarse_arrivals,
    quote_around,
    trade_sizes,
)

__all__ = ["SymbolTape", "draw_tape"]

_RATE_DEVIATION = 0.3
_RATE_LIMITS = (0.25, 4.0)
_SIZE_DEVIATION = 0.25
_QUIET_SHARE = 0.15
_OPENING_SHARE = 0.012
_CLOSING_SHARE = 0.035
_AUCTION_DEVIATION = 0.25
_SESSION_MINUTES = 390.0


@dataclass(frozen=True, slots=True)
class SymbolTape:
    """Everything drawn for one symbol, and the generator for what is drawn from it later."""

    tape: Tape
    raw: RawFactors
    news: list[NewsItem]
    rng: np.random.Generator


def _noise(rng: np.random.Generator, shape: int | tuple[int, ...], deviation: float) -> Floats:
    return stable_exp(deviation * normal_draws(rng, shape) - 0.5 * deviation * deviation)


def _trade_rate(
    rng: np.random.Generator,
    clock: Clock,
    where: Floats,
    profile: SymbolProfile,
    own: OwnVariance,
    factor: CommonFactor,
) -> Floats:
    """Return trades per bin: the day's U shape, more of them where the price moves more."""
    share = profile.market_share
    restless = np.sqrt(share * factor.relative + (1.0 - share) * own.relative)
    rate = activity_profile(clock, where, profile.trades_per_minute, profile.night_trades_per_minute)
    return np.asarray(rate * np.clip(restless, *_RATE_LIMITS) * _noise(rng, rate.shape, _RATE_DEVIATION))


def _spread_ticks(
    rng: np.random.Generator,
    clock: Clock,
    where: Floats,
    profile: SymbolProfile,
    path: SymbolPath,
    arrivals: Arrivals,
    price_ticks: Floats,
) -> Floats:
    """Return the wanted spread at each trade: as wide as the price moves between trades, wider at the opening."""
    per_trade = np.sqrt((1.0 - NIGHT_SHARE) / (_SESSION_MINUTES * profile.trades_per_minute))
    relative = profile.spread_factor * per_trade * path.day_vol
    bins = arrivals.clock_ns // clock.bin_ns
    widening = 1.0 + open_widening(where)
    chance = rng.random(widening.shape)
    base = np.maximum(price_ticks * relative[arrivals.day], 1.0)
    return np.asarray(base * widening.ravel()[bins] + chance.ravel()[bins])


def _volume_factor(clock: Clock, arrivals: Arrivals, path: SymbolPath, noise: Floats) -> Floats:
    """Return the size multiplier of each trade: log-normal by bin, larger where the bin moved the price."""
    bins = arrivals.clock_ns // clock.bin_ns
    first = np.flatnonzero(np.diff(bins, prepend=-1))
    last = np.append(first[1:], len(bins)) - 1
    move = np.abs(path.log_price[last] - path.log_price[first])
    moved = np.sqrt(_QUIET_SHARE + move / move.mean())
    return np.repeat(moved, last - first + 1) * noise.ravel()[bins]


def _set_auctions(
    rng: np.random.Generator, arrivals: Arrivals, sizes: NDArray[np.int64], lot: int
) -> NDArray[np.int64]:
    """Give the opening and closing prints of each day their share of the day's volume."""
    days = len(arrivals.first)
    total = np.add.reduceat(sizes, arrivals.first)
    for rows, share in ((arrivals.first, _OPENING_SHARE), (arrivals.last, _CLOSING_SHARE)):
        lots = np.rint(total * _noise(rng, days, _AUCTION_DEVIATION) * (share / lot))
        sizes[rows] = np.maximum(lots, 1.0).astype(np.int64) * lot
    return sizes


def draw_tape(
    rng: np.random.Generator,
    clock: Clock,
    where: Floats,
    profile: SymbolProfile,
    hours: SessionSchedule,
    factor: CommonFactor,
    drift: float,
) -> SymbolTape:
    """Draw every trade of one symbol.

    Args:
        where: float64[days, bins], position of each bin in the stock session.
        hours: the symbol's own sessions.
        drift: expected yearly log return as a ratio.
    """
    opens, closes = hours.open_ns - clock.starts_ns, hours.close_ns - clock.starts_ns
    own = own_variance(rng, clock, where, profile)
    rate = _trade_rate(rng, clock, where, profile, own, factor)
    fine = clock.bin_ns == MINUTE_NS
    draw = clustered_arrivals(rng, clock, rate, opens, closes) if fine else coarse_arrivals(rng, clock, opens, closes)
    news, jumps = draw_news(rng, clock, profile, hours, draw)
    path = symbol_path(rng, clock, profile, draw, own, factor, jumps, drift)
    efficient = profile.start_price * stable_exp(path.log_price)
    raw = raw_factors(profile, hours, efficient[draw.last])
    price_ticks = efficient * (raw.price * profile.ticks_per_unit)[draw.day]
    spread = _spread_ticks(rng, clock, where, profile, path, draw, price_ticks)
    bid, ask, traded = quote_around(price_ticks, spread, draw.side)
    usual_vol = profile.annual_vol / np.sqrt(float(SESSIONS_PER_YEAR))
    lots = profile.mean_lots * raw.shares * np.sqrt(path.day_vol / usual_vol)
    scale = lots[draw.day] * _volume_factor(clock, draw, path, _noise(rng, rate.shape, _SIZE_DEVIATION))
    if not fine:
        scale *= rate.ravel()[draw.clock_ns // clock.bin_ns]
    sizes = trade_sizes(rng, scale, profile.lot)
    if not profile.is_future:
        sizes = _set_auctions(rng, draw, sizes, profile.lot)
    ts_ns = clock.utc(draw.clock_ns, draw.day)
    return SymbolTape(Tape(ts_ns, traded, sizes, draw.side, bid, ask, draw.day), raw, news, rng)
