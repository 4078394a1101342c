"""Money: floats become whole micros here and nowhere else."""

from __future__ import annotations

import math

from tidemill.kernel.access import instrument_at
from tidemill.kernel.compile import inlined, kernel

__all__ = ["convert", "equity_of", "floor_lot", "grid_price", "micros", "rate_of", "snap_price", "snap_quantity"]


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
    return account.cash + account.market  # type: ignore[attr-defined]


@kernel
def grid_price(steps: float, tick: float) -> float:
    """Return the price (or quantity) a whole number of steps above zero, as the decimal number a data file would hold.

    Ticks are as a rule one over a whole number; dividing by that gives the float64 nearest to the decimal price, while
    115 * 0.01 lies one bit above 1.15 and would never meet a high of 1.15.
    """
    per_unit = math.floor(1.0 / tick + 0.5)
    if per_unit >= 1.0 and abs(per_unit * tick - 1.0) < 1e-9:
        return steps / per_unit
    return steps * tick


@inlined
def floor_lot(quantity: float, lot: float) -> float:
    """Round a quantity down to the lot; a quantity within a billionth of the next lot counts as that lot."""
    return grid_price(math.floor(quantity / lot + 1e-9), lot)


@inlined
def snap_quantity(quantity: float, lot: float) -> float:
    """Round a quantity to the nearest lot, so that sums of fractional lots stay on the grid."""
    return grid_price(math.floor(quantity / lot + 0.5), lot)


@kernel
def snap_price(price: float, tick: float) -> float:
    """Round a price to the nearest tick, halves up; a tick of zero leaves it alone."""
    if tick <= 0.0 or not (price > 0.0):
        return price
    return grid_price(math.floor(price / tick + 0.5), tick)
