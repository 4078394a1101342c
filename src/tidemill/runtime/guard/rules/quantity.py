"""A quantity is above zero and on the instrument's lot; futures are whole contracts (fault U11)."""

from __future__ import annotations

from tidemill.model.instrument import AssetClass
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import GRID, positive
from tidemill.runtime.guard.spec import Part, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, _facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny nothing, fractions of a contract, and everything that is no number."""
    request, here = order.request, order.here
    quantity = request.quantity
    if not positive(quantity):
        return SPEC.deny(f"{request.symbol}: {quantity!r} is no quantity; it must be a number above zero.")
    if here is None or here.instrument is None:
        return None if order.is_reducing else SPEC.unknown(f"{request.symbol}: its lot size is not known.")
    lot = here.instrument.lot_size
    if here.instrument.asset_class is AssetClass.FUTURE:
        lot = max(lot, 1.0)
    steps = quantity / lot
    if not (abs(steps - round(steps)) <= GRID):
        return SPEC.deny(f"{request.symbol}: {quantity:g} is no multiple of the lot {lot:g}; round it down.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="quantity",
    check=check,
    looks_at="quantity, lot size, asset class",
    part=Part.EVERY,
)
