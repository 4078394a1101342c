"""Day-to-day behaviour: how large a day's moves are, and how much of them happens overnight.

Volatility is the exponential of three components that forget at different speeds, so that calm and wild periods
last from days to months; a falling day raises the next days' volatility. All shocks are symmetric and every
log price carries minus half its variance: without drift the price is a martingale, and no rule can expect a gain.

Source: the three time scales follow F. Corsi, "A Simple Approximate Long-Memory Model of Realized Volatility",
Journal of Financial Econometrics 7 (2009); the leverage effect is that of F. Black (1976).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidemill.research.synthetic.stable import Floats, mixing_draws, normal_draws, stable_exp

__all__ = ["NIGHT_SHARE", "SESSIONS_PER_YEAR", "MarketDays", "common_volatility", "night_mixing", "own_volatility"]

SESSIONS_PER_YEAR = 252
NIGHT_SHARE = 0.38
"""Part of a day's variance that falls between one close and the next opening."""

_NIGHT_FREEDOM = 6.0
# Half-life in sessions, standard deviation and weight of the day's own shock, per log-volatility component.
_COMMON = ((1.0, 0.20, -0.70), (5.0, 0.25, -0.40), (50.0, 0.47, -0.12))
_OWN = ((1.0, 0.16, -0.40), (5.0, 0.18, -0.20))
_COMMON_WEIGHT = 0.9
_SHOCK_LIMIT = 4.0
_LN2 = 0.6931471805599453


@dataclass(frozen=True, slots=True)
class MarketDays:
    """Daily volatility of the common factor.

    Args:
        log_vol: float64[days], centred log volatility, handed on to the symbols.
        vol: float64[days], volatility with mean square 1.
    """

    log_vol: Floats
    vol: Floats


def _walk(rng: np.random.Generator, shocks: Floats, components: tuple[tuple[float, float, float], ...]) -> Floats:
    """Return the sum of autoregressive components, each fed by yesterday's shock and by noise of its own."""
    days = len(shocks)
    total = np.zeros(days)
    limited = np.clip(shocks, -_SHOCK_LIMIT, _SHOCK_LIMIT)
    for half_life, deviation, weight in components:
        keep = float(stable_exp(-_LN2 / half_life))
        noise = normal_draws(rng, days)
        fresh = deviation * np.sqrt(1.0 - keep * keep)
        news = fresh * (weight * limited + np.sqrt(1.0 - weight * weight) * noise)
        level = deviation * float(normal_draws(rng, 1)[0])
        path = []
        for step in news.tolist():
            path.append(level)
            level = keep * level + step
        total += np.array(path)
    return total


def _variance(components: tuple[tuple[float, float, float], ...]) -> float:
    return sum(deviation * deviation for _, deviation, _ in components)


def common_volatility(rng: np.random.Generator, shocks: Floats) -> MarketDays:
    """Return the volatility of the common factor for each day.

    Args:
        shocks: float64[days], the factor's move of each day in units of that day's volatility; day t's
            volatility depends on the shocks before t only.
    """
    log_vol = _walk(rng, shocks, _COMMON)
    return MarketDays(log_vol, stable_exp(log_vol - _variance(_COMMON)))


def own_volatility(rng: np.random.Generator, shocks: Floats, common: MarketDays) -> Floats:
    """Return the volatility of one symbol's own part, most of which follows the common factor's."""
    log_vol = _COMMON_WEIGHT * common.log_vol + _walk(rng, shocks, _OWN)
    return stable_exp(log_vol - (_COMMON_WEIGHT**2 * _variance(_COMMON) + _variance(_OWN)))


def night_mixing(rng: np.random.Generator, days: int) -> Floats:
    """Return variance multipliers of the overnight moves, which make them heavy-tailed."""
    return mixing_draws(rng, days, _NIGHT_FREEDOM)
