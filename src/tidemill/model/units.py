"""Money in whole millionths, and the rules by which decimals become them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

__all__ = ["MICROS", "from_micros", "to_micros"]

MICROS = 1_000_000


def to_micros(amount: float | Decimal | str) -> int:
    """Return an amount of money as int64 millionths, halves rounded up."""
    exact = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    return int((exact * MICROS).to_integral_value(rounding=ROUND_HALF_UP))


def from_micros(micros: int) -> float:
    """Return millionths as a float amount of money."""
    return int(micros) / MICROS
