"""A stop entry waits on the far side of the market; a bracket's stop and target lie around its entry (U10)."""

from __future__ import annotations

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, OrderType
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.numbers import positive
from tidemill.runtime.guard.spec import Part, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]

_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)
_FRAMED = (*_STOPS, OrderType.LIMIT)


def _waits(order: Candidate) -> Violation | None:
    request, here = order.request, order.here
    if here is None or not positive(here.last):
        return SPEC.unknown(f"{request.symbol}: without a last price nobody can tell on which side its stop lies.")
    market = here.last
    gap = (request.stop_price - market) * request.side
    if not (gap >= 0.0):
        return SPEC.deny(
            f"{request.symbol}: the stop {request.stop_price:g} is already behind the market at {market:g}; it would "
            "trigger at once. Decide anew."
        )
    return None


def _frames(order: Candidate, parent: OrderRequest) -> Violation | None:
    request, here = order.request, order.here
    entry = next((price for price in (parent.limit_price, parent.stop_price) if positive(price)), None)
    entry = here.last if entry is None and here is not None else entry
    if not positive(entry):
        return None
    is_stop = request.type in _STOPS
    price = request.stop_price if is_stop else request.limit_price
    beyond = (price - entry) * parent.side
    if is_stop and not (beyond < 0.0):
        return SPEC.deny(f"{request.symbol}: the stop {price:g} does not lie on the losing side of {entry:g}.")
    if not is_stop and not (beyond > 0.0):
        return SPEC.deny(f"{request.symbol}: the target {price:g} does not lie on the winning side of {entry:g}.")
    return None


def check(order: Candidate, facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny a stop or target on the wrong side; what reduces a position that is there is never denied."""
    request, here = order.request, order.here
    if not order.is_exit:
        return _waits(order) if request.type in {OrderType.STOP, OrderType.STOP_LIMIT} else None
    if not request.parent or request.type not in _FRAMED or here is None or -request.side * here.confirmed_units > 0.0:
        return None
    for other in facts.scopes[Scope.ACCOUNT].orders:
        if other.request.client_id == request.parent and other.request.intent is Intent.ENTRY:
            return _frames(order, other.request)
    return None


SPEC: SafetyRule = SafetyRule(
    name="stop_side",
    check=check,
    looks_at="trigger, last price, parent order",
    part=Part.EVERY,
)
