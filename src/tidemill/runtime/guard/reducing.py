"""How much an exit may take: what the broker has confirmed, less what other exits already claim (promise 10).

Orders of one group cancel each other, so a group claims only its largest. A bracket's children belong to the order
that releases them: they claim its units first, and the position only with what exceeds them.
"""

from __future__ import annotations

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, Side
from tidemill.runtime.guard.facts import Facts, OpenOrder, Scope
from tidemill.runtime.guard.numbers import UNKNOWN, finite, measured

__all__ = ["room"]

_Claims = dict[tuple[str, str, str], float]  # by parent, owner and group (or client id)


def room(facts: Facts, order: OrderRequest) -> float:
    """Return the units an exit may take at most, its own former self left out; NaN when it cannot be known.

    What a changed order has filled already belongs to its quantity, and no longer to the position.

    The account's confirmed position and the sub-ledger's own one both bind: an exit neither turns the account round
    nor closes what belongs to another strategy.
    """
    here, account = facts.symbols.get(order.symbol), facts.scopes.get(Scope.ACCOUNT)
    if here is None or account is None or not (finite(here.confirmed_units) and finite(here.own_units)):
        return UNKNOWN
    mine = facts.owner
    related = [other for other in account.orders if other.request.symbol == order.symbol]
    if not all(measured(other.remaining) for other in related):
        return UNKNOWN
    own = [other for other in related if other.owner == mine]
    side = int(order.side)
    filled = sum(other.filled for other in own if other.request.client_id == order.client_id)
    return filled + min(
        _room(-side * here.confirmed_units, related, order, mine),
        _room(-side * here.own_units, own, order, mine),
    )


def _room(position: float, orders: list[OpenOrder], order: OrderRequest, owner: str) -> float:
    parents: dict[str, float] = {}
    claims: _Claims = {}
    own_group = ("", "")
    for other in orders:
        request = other.request
        if request.client_id == order.client_id:
            continue
        if request.intent is not Intent.EXIT and request.intent is not Intent.PROTECT:
            if request.side is _opposite(order.side):
                parents[request.client_id] = other.remaining
        elif request.side is order.side:
            group = request.group or request.client_id
            key = (request.parent, other.owner, group)
            claims[key] = max(claims.get(key, 0.0), other.remaining)
    if order.group:
        own_group = (owner, order.group)
    return _left(max(position, 0.0), parents, claims, order.parent, own_group)


def _left(
    position: float, parents: dict[str, float], claims: _Claims, parent: str, own_group: tuple[str, str]
) -> float:
    """Share out parents and position among the claims; return what is left for the asking order."""
    children = dict.fromkeys(parents, 0.0)
    for (releases, owner, group), units in claims.items():
        if (owner, group) == own_group:
            continue
        if releases in children:
            children[releases] += units
        else:
            position -= units
    for name, units in children.items():
        position -= max(units - parents[name], 0.0)
    free = max(position, 0.0)
    if parent in parents:
        return free + max(parents[parent] - children[parent], 0.0)
    return free


def _opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
