"""The efficient price: one common factor, one part of each symbol's own, and the news that moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidemill.research.synthetic.daily import (
    NIGHT_SHARE,
    SESSIONS_PER_YEAR,
    MarketDays,
    common_volatility,
    night_mixing,
    own_volatility,
)
from tidemill.research.synthetic.intraday import EVENING_SHARE, day_profile, noisy_variance
from tidemill.research.synthetic.news import Jumps
from tidemill.research.synthetic.profiles import SymbolProfile
from tidemill.research.synthetic.sessions import Clock
from tidemill.research.synthetic.stable import Floats, normal_draws
from tidemill.research.synthetic.trades import Arrivals

__all__ = ["CommonFactor", "OwnVariance", "SymbolPath", "common_factor", "own_variance", "symbol_path"]


@dataclass(frozen=True, slots=True)
class CommonFactor:
    """The path that all symbols share.

    Args:
        level: float64[days * steps], log level at each step of the clock.
        variance: float64[days * steps], variance spent up to each step.
        relative: float64[days, bins], variance of each bin against its usual one.
        days: daily volatility.
    """

    level: Floats
    variance: Floats
    relative: Floats
    days: MarketDays


@dataclass(frozen=True, slots=True)
class OwnVariance:
    """Variance of a symbol's own part: per bin (day's variance = 1) and at each day's first trade."""

    bins: Floats
    relative: Floats
    gap: Floats


@dataclass(frozen=True, slots=True)
class SymbolPath:
    """Efficient log price at each trade, relative to the start price, and each day's volatility."""

    log_price: Floats
    day_vol: Floats


def _variance_field(
    rng: np.random.Generator, clock: Clock, where: Floats, *, nights: bool
) -> tuple[Floats, Floats, Floats]:
    """Return variance per bin, the same against its usual value, and the variance of each day's first move."""
    profile = day_profile(clock, where, nights=nights)
    variance = noisy_variance(rng, clock, profile)
    relative = np.ones_like(profile)
    np.divide(variance, profile, out=relative, where=profile > 0.0)
    mixing = night_mixing(rng, clock.days)
    outside = (where <= 0.0) | (where >= 1.0)
    variance *= np.where(outside, mixing[:, None], 1.0)
    gap = mixing * (NIGHT_SHARE * (EVENING_SHARE if nights else 1.0))
    return variance, relative, gap


def common_factor(rng: np.random.Generator, clock: Clock, where: Floats) -> CommonFactor:
    """Draw the common factor over all days.

    Args:
        where: float64[days, bins], position of each bin in the stock session.
    """
    variance, relative, gap = _variance_field(rng, clock, where, nights=True)
    spent = np.repeat(variance / clock.steps_per_bin, clock.steps_per_bin, axis=1)
    spent[:, 0] += gap
    moves = np.sqrt(spent) * normal_draws(rng, spent.shape)
    shocks = np.cumsum(moves, axis=1)[:, -1]
    days = common_volatility(rng, shocks)
    moves *= days.vol[:, None]
    spent *= (days.vol * days.vol)[:, None]
    return CommonFactor(np.cumsum(moves.ravel()), np.cumsum(spent.ravel()), relative, days)


def own_variance(rng: np.random.Generator, clock: Clock, where: Floats, profile: SymbolProfile) -> OwnVariance:
    """Draw where in each day the variance of a symbol's own part falls."""
    return OwnVariance(*_variance_field(rng, clock, where, nights=profile.is_future))


def _spent_between(clock: Clock, arrivals: Arrivals, own: OwnVariance) -> Floats:
    """Return the variance between each trade and the one before it, in units of the day's variance."""
    flat = own.bins.ravel()
    before = np.cumsum(flat) - flat
    bins, rest = np.divmod(arrivals.clock_ns, clock.bin_ns)
    spent = np.diff(before[bins] + flat[bins] * (rest / clock.bin_ns), prepend=0.0)
    np.maximum(spent, 0.0, out=spent)
    spent[arrivals.first] += own.gap
    return spent


def symbol_path(
    rng: np.random.Generator,
    clock: Clock,
    profile: SymbolProfile,
    arrivals: Arrivals,
    own: OwnVariance,
    factor: CommonFactor,
    jumps: Jumps,
    drift: float,
) -> SymbolPath:
    """Return the efficient price at every trade.

    Every move is normal given its variance and carries minus half of it, so with ``drift`` 0 the price (not only
    its logarithm) is a martingale.

    Args:
        drift: expected yearly log return as a ratio.
    """
    daily_vol = profile.annual_vol / np.sqrt(float(SESSIONS_PER_YEAR))
    beta = daily_vol * np.sqrt(profile.market_share)
    spent = _spent_between(clock, arrivals, own)
    moves = np.sqrt(spent) * normal_draws(rng, len(spent))
    shocks = np.diff(np.cumsum(moves)[arrivals.last], prepend=0.0)
    own_vol = daily_vol * np.sqrt(1.0 - profile.market_share) * own_volatility(rng, shocks, factor.days)
    scale = own_vol[arrivals.day]
    moves *= scale
    moves -= 0.5 * scale * scale * spent
    usual = daily_vol * np.sqrt(1.0 - profile.market_share)
    grown = np.where(jumps.follows_vol, scale[jumps.rows] / usual, 1.0)
    np.add.at(moves, jumps.rows, grown * jumps.sizes - 0.5 * grown * grown * jumps.variances)
    log_price = np.cumsum(moves)
    steps = arrivals.clock_ns // clock.step_ns
    log_price += beta * factor.level[steps] - 0.5 * beta * beta * factor.variance[steps]
    if drift:
        log_price += arrivals.clock_ns / clock.day_ns * (drift / SESSIONS_PER_YEAR)
    common_vol = beta * factor.days.vol
    return SymbolPath(log_price, np.sqrt(own_vol * own_vol + common_vol * common_vol))
