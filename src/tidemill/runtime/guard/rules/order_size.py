"""No single order is worth more than the limit; futures go by contracts (traps 41, 43)."""

from __future__ import annotations

from tidemill.model.instrument import AssetClass
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, _facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny an order of too great a value; a market order counts at the market's price."""
    if limits.max_order_usd is None:
        return None
    request, here = order.request, order.here
    if here is None or here.instrument is None:
        return SPEC.unknown(f"{request.symbol}: what one unit is worth is not known.")
    if here.instrument.asset_class is AssetClass.FUTURE and limits.max_contracts is not None:
        return None
    value = order.value(request, request.quantity)
    if not finite(value):
        return SPEC.unknown(f"{request.symbol}: the order's value is not known.")
    if not (value <= limits.max_order_usd):
        return SPEC.deny(f"{request.symbol}: an order of {value:,.2f} exceeds {limits.max_order_usd:,.2f}.")
    return None


SPEC: LimitRule = LimitRule(
    name="order_size",
    check=check,
    looks_at="quantity, price, multiplier",
    limits=("max_order_usd",),
)
