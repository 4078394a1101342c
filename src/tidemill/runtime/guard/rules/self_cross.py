"""No order trades with our own, and no strategy stands against another in one account (fault O9)."""

from __future__ import annotations

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import OrderType, Side
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.numbers import EPSILON, UNKNOWN, finite, positive
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def _meets(order: Candidate, other: OrderRequest, price: float) -> bool:
    """Tell whether an own resting order of the other side would be hit."""
    request = order.request
    if other.side is request.side or other.side is Side.NONE or other.type not in {OrderType.LIMIT, OrderType.MARKET}:
        return False
    rests = other.limit_price if other.type is OrderType.LIMIT else price
    return not ((price - rests) * request.side < 0.0)


def _price(order: Candidate) -> float:
    """Return what the order pays at worst; without quotes the last price."""
    request, here = order.request, order.here
    if request.type in {OrderType.LIMIT, OrderType.STOP_LIMIT}:
        return request.limit_price
    if here is None:
        return UNKNOWN
    near = here.ask if request.side is Side.BUY else here.bid
    return near if positive(near) else here.last


def check(order: Candidate, facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny an order that would meet our own, or add to the side opposite of another strategy's position."""
    request, here = order.request, order.here
    if here is None or not (finite(here.confirmed_units) and finite(here.own_units)):
        return SPEC.unknown(f"{request.symbol}: who holds what in the account is not known.")
    others = (here.confirmed_units - here.own_units) * request.side
    if not (others >= -EPSILON):
        return SPEC.deny(f"{request.symbol}: another strategy of this account holds the other side; use two accounts.")
    price = _price(order)
    for other in facts.scopes[Scope.ACCOUNT].orders:
        is_near = other.request.symbol == request.symbol and other.request.client_id != request.client_id
        is_behind = not other.has_left and other.request.number > request.number  # it is asked about after this one
        if is_near and not is_behind and _meets(order, other.request, price):
            return SPEC.deny(f"{request.symbol}: would trade with our own order {other.request.client_id}.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="self_cross",
    check=check,
    looks_at="working orders and positions of the account",
)
