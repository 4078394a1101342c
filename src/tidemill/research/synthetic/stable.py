"""Arithmetic that gives the same bits on every machine: only +, -, *, /, sqrt, floor and rounding.

``np.exp`` and the C library's ``exp`` differ in the last bit between processors. The synthetic market promises the
same bytes everywhere, so it uses its own exponential, built from operations that IEEE 754 defines exactly, and
rounds every random draw to a grid coarser than any such difference.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "exponential_draws", "mixing_draws", "normal_draws", "stable_exp"]

Floats = NDArray[np.float64]

_GRID = 2.0**32
_LARGEST_MULTIPLIER = 6.0
# Argument reduction of W. J. Cody and W. Waite, "Software Manual for the Elementary Functions" (1980): ln 2 in two
# parts, the first with so few bits that k * part is exact.
_LN2_HIGH = 0.693359375
_LN2_LOW = -2.121944400546905827679e-4
_LN2_INVERSE = 1.4426950408889634
# Taylor coefficients up to r**13 / 13!: on |r| <= ln 2 / 2 the rest is below 5e-18.
_COEFFICIENTS = tuple(1.0 / math.factorial(k) for k in range(13, -1, -1))


def stable_exp(x: Any) -> Floats:
    """Return e**x, accurate to about one unit in the last place and identical on every machine.

    Args:
        x: float64 array or number; |x| below 700.
    """
    values = np.asarray(x, dtype=np.float64)
    turns = np.rint(values * _LN2_INVERSE)
    rest = values - turns * _LN2_HIGH
    rest -= turns * _LN2_LOW
    total = np.full_like(rest, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        total *= rest
        total += coefficient
    return np.ldexp(total, turns.astype(np.int32))


def _on_grid(draws: Floats) -> Floats:
    draws *= _GRID
    np.rint(draws, out=draws)
    draws /= _GRID
    return draws


def normal_draws(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Floats:
    """Draw standard normals on a grid of 2**-32."""
    return _on_grid(rng.standard_normal(shape))


def exponential_draws(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Floats:
    """Draw unit exponentials on a grid of 2**-32."""
    return _on_grid(rng.standard_exponential(shape))


def mixing_draws(rng: np.random.Generator, shape: int | tuple[int, ...], freedom: float) -> Floats:
    """Draw variance multipliers with mean 1 that turn normal noise into Student-t noise.

    Args:
        freedom: degrees of freedom, above 2. With w drawn here and z standard normal, sqrt(w) * z is Student-t
            scaled to variance 1. Multipliers stop at 6, which touches fewer than one draw in a hundred and keeps
            one lucky draw from ruling a whole sample.
    """
    halves = _on_grid(rng.standard_gamma(freedom / 2.0, shape))
    mean = freedom / 2.0 - 1.0
    return np.asarray(mean / np.maximum(halves, mean / _LARGEST_MULTIPLIER))
