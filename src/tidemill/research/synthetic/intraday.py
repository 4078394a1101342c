"""The shape of a trading day: where in it the variance and the trades fall.

Variance of a minute = day's variance x U-shaped profile x slow factor x fast factor. The slow factor is an
autoregressive log variance with a half-life of half an hour; the fast one turns normal into Student-t noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import MINUTE_NS
from tidemill.research.synthetic.daily import NIGHT_SHARE
from tidemill.research.synthetic.sessions import Clock
from tidemill.research.synthetic.stable import Floats, mixing_draws, normal_draws, stable_exp

__all__ = ["EVENING_SHARE", "activity_profile", "day_profile", "noisy_variance", "open_widening", "position"]

EVENING_SHARE = 0.3
"""Part of the overnight variance that falls into the pause before 18:00; long-hours markets trade the rest."""

_SLOW_HALF_LIFE_MINUTES = 30.0
_SLOW_DEVIATION = 0.7
_NOISE_FREEDOM = 8.0
_LN2 = 0.6931471805599453
# Minutes after 18:00 where the night changes its pace (Asia, Europe at 03:00, US data at 08:30), and its pace.
_NIGHT_EDGES = (540, 870, 930)
_NIGHT_PACE = (0.5, 1.0, 1.8, 0.6)


def position(clock: Clock, open_ns: NDArray[np.int64], close_ns: NDArray[np.int64]) -> Floats:
    """Return where each bin lies in its session, float64[days, bins]: 0 is the opening, 1 the close.

    Args:
        open_ns, close_ns: int64[days], nanoseconds since 18:00 of the evening before.
    """
    middle = (np.arange(clock.bins) + 0.5) * clock.bin_ns
    return np.asarray((middle[None, :] - open_ns[:, None]) / (close_ns - open_ns)[:, None])


def _inside(where: Floats) -> NDArray[np.bool_]:
    return (where > 0.0) & (where < 1.0)


def _u_shape(
    where: Floats, base: float, bowl: float, morning: tuple[float, float], evening: tuple[float, float]
) -> Floats:
    x = np.clip(where, 0.0, 1.0)
    half = (x - 0.5) / 0.5
    rise, fall = morning
    climb, width = evening
    shape = base + bowl * half * half + rise * stable_exp(-x / fall) + climb * stable_exp((x - 1.0) / width)
    return np.asarray(shape)


def _night_pace(clock: Clock) -> Floats:
    minute = (np.arange(clock.bins) + 0.5) * clock.bin_minutes
    return np.array(_NIGHT_PACE)[np.searchsorted(_NIGHT_EDGES, minute)]


def day_profile(clock: Clock, where: Floats, *, nights: bool) -> Floats:
    """Return each bin's part of the day's variance, float64[days, bins].

    Args:
        where: position of each bin in the stock session.
        nights: spread the traded part of the overnight variance over the hours outside the session; without it
            those hours are empty and the whole overnight variance is a gap.
    """
    inside = _inside(where)
    move = _u_shape(where, 0.60, 0.40, (0.9, 0.05), (0.3, 0.04))
    weight = np.where(inside, move * move, 0.0)
    profile = weight * ((1.0 - NIGHT_SHARE) / weight.sum(axis=1, keepdims=True))
    if nights:
        pace = np.where(inside, 0.0, _night_pace(clock)[None, :])
        profile += pace * (NIGHT_SHARE * (1.0 - EVENING_SHARE) / pace.sum(axis=1, keepdims=True))
    return np.asarray(profile)


def activity_profile(clock: Clock, where: Floats, regular: float, night: float) -> Floats:
    """Return the mean number of trades per bin, float64[days, bins].

    Args:
        regular: mean trades per minute inside the stock session.
        night: mean trades per minute outside it.
    """
    inside = _inside(where)
    shape = np.where(inside, _u_shape(where, 0.55, 0.35, (1.5, 0.05), (1.1, 0.04)), 0.0)
    shape *= regular * clock.bin_minutes * inside.sum(axis=1, keepdims=True) / shape.sum(axis=1, keepdims=True)
    pace = _night_pace(clock) * (night * clock.bin_minutes)
    return np.asarray(np.where(inside, shape, pace[None, :]))


def _slow_factor(rng: np.random.Generator, clock: Clock) -> Floats:
    keep = float(stable_exp(-_LN2 * clock.bin_minutes / _SLOW_HALF_LIFE_MINUTES))
    noise = normal_draws(rng, (clock.bins, clock.days))
    noise[1:] *= np.sqrt(1.0 - keep * keep)
    for row in range(1, clock.bins):
        noise[row] += keep * noise[row - 1]
    return stable_exp(_SLOW_DEVIATION * noise.T - 0.5 * _SLOW_DEVIATION**2)


def noisy_variance(rng: np.random.Generator, clock: Clock, profile: Floats) -> Floats:
    """Return the variance of each bin in units of the day's variance, float64[days, bins].

    The fast factor belongs to minutes: on a coarser grid it averages out and is left away.
    """
    variance = profile * _slow_factor(rng, clock)
    if clock.bin_ns == MINUTE_NS:
        variance *= mixing_draws(rng, variance.shape, _NOISE_FREEDOM)
    return variance


def open_widening(where: Floats) -> Floats:
    """Return how many spreads the quote is wider than usual: two at the opening, nothing after some minutes."""
    return np.where(_inside(where), 2.0 * stable_exp(-np.clip(where, 0.0, 1.0) / 0.012), 0.5)
