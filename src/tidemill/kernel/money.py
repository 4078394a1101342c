"""Money: floats become whole micros here and nowhere else."""

from __future__ import annotations

import math

from tidemill.kernel.access import instrument_at
from tidemill.kernel.compile import inlined, kernel

__all__ = ["convert", "equity_of", "floor_lot", "micros", "rate_of", "snap_quantity"]


@inlined
def micros(amount: float) -> int:
    """Return an amount of money as int64 millionths, halves rounded up."""
    return int(math.floor(amount * 1_000_000.0 + 0.5))


@kernel
def rate_of(state: int, instrument: int) -> float:
    """Return the price of one unit of the instrument's currency in the account's currency; 1 where they are equal.

    Before the first price of the conversion pair the rate is NaN, and entries are refused for want of a price.
    """
    ins = instrument_at(state, instrument)
    if ins.rate_instrument < 0:
        return 1.0
    price = instrument_at(state, ins.rate_instrument).last
    if ins.rate_inverse == 1:
        return 1.0 / price if price > 0.0 else math.nan
    return price


@inlined
def convert(amount: int, rate: float) -> int:
    """Return micros of one currency in another; a rate of exactly 1 changes nothing."""
    if rate == 1.0:
        return amount
    return int(math.floor(amount * rate + 0.5))


@inlined
def equity_of(account: object) -> int:
    """Return an account's equity in micros: cash plus what open positions contribute."""
    return account.cash + account.market  # type: ignore[attr-defined, no-any-return]


@inlined
def floor_lot(quantity: float, lot: float) -> float:
    """Round a quantity down to the lot; a quantity within a billionth of the next lot counts as that lot."""
    return math.floor(quantity / lot + 1e-9) * lot


@inlined
def snap_quantity(quantity: float, lot: float) -> float:
    """Round a quantity to the nearest lot, so that sums of fractional lots stay on the grid."""
    return math.floor(quantity / lot + 0.5) * lot
