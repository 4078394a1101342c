"""The prices an order's type needs are there, above zero and on the tick (fault U11)."""

from __future__ import annotations

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import OrderType
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import GRID, positive
from tidemill.runtime.guard.spec import Part, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def _needed(request: OrderRequest) -> tuple[float, ...]:
    if request.type is OrderType.LIMIT:
        return (request.limit_price,)
    if request.type is OrderType.STOP:
        return (request.stop_price,)
    return (request.stop_price, request.limit_price) if request.type is OrderType.STOP_LIMIT else ()


def check(order: Candidate, _facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny a missing, absurd or off-tick price, and a trail without a distance."""
    request, here = order.request, order.here
    if request.type is OrderType.TRAILING_STOP and not (positive(request.trail_amount) or positive(request.trail_pct)):
        return SPEC.deny(f"{request.symbol}: a trailing stop needs a distance above zero.")
    tick = here.instrument.tick_size if here is not None and here.instrument is not None else 0.0
    for price in _needed(request):
        if not positive(price):
            return SPEC.deny(f"{request.symbol}: {price!r} is no price; {request.type.name.lower()} orders need one.")
        if tick > 0.0 and not (abs(price / tick - round(price / tick)) <= GRID):
            return SPEC.deny(f"{request.symbol}: {price!r} is not on the tick {tick:g}; round it to the grid.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="prices",
    check=check,
    looks_at="limit, stop, trail, tick size",
    part=Part.EVERY,
)
