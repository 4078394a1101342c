"""What counts as a number here: everything else is "not known", and what is not known denies."""

from __future__ import annotations

from typing import TypeGuard, TypeVar

from tidemill.model.units import MICROS

__all__ = ["EPSILON", "GRID", "UNKNOWN", "finite", "measured", "micros", "positive"]

N = TypeVar("N")

UNKNOWN = float("nan")
# Sums of quantities on a decimal grid are off by a few units in the last place, never by this much of a lot.
EPSILON = 1e-9
GRID = 1e-4  # of a step: prices on a grid of decimals are never exactly on it in binary
_INFINITY = float("inf")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def finite(value: N | None) -> TypeGuard[N]:
    """Tell whether a value is a real number: no None, no NaN, no infinity, no bool, no text."""
    return (type(value) is float or _is_number(value)) and -_INFINITY < value < _INFINITY


def positive(value: N | None) -> TypeGuard[N]:
    """Tell whether a value is a real number above zero."""
    return (type(value) is float or _is_number(value)) and 0 < value < _INFINITY


def measured(value: N | None) -> TypeGuard[N]:
    """Tell whether a value is a real count or measure: a number, zero or above."""
    return (type(value) is float or _is_number(value)) and 0 <= value < _INFINITY


def micros(amount: float) -> float:
    """Return an amount of money as millionths, for comparing with int micros."""
    return amount * MICROS
