"""An order that cannot be told apart, or names nothing that can be traded, never leaves."""

from __future__ import annotations

from tidemill.model.enums import Intent, Side
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import Part, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]

_ID_LENGTH = 20  # fits the shortest id field of the brokers
_SIDES = (Side.BUY, Side.SELL)
_INTENTS = (Intent.ENTRY, Intent.EXIT, Intent.PROTECT)


def check(order: Candidate, _facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny an order without a usable id, side, purpose or symbol."""
    request = order.request
    if not (0 < len(request.client_id) <= _ID_LENGTH and request.client_id.isascii()):
        return SPEC.deny(f"The order's id {request.client_id!r} is empty or longer than {_ID_LENGTH} characters.")
    if request.side not in _SIDES or request.intent not in _INTENTS:
        return SPEC.deny(f"{request.client_id}: an order needs a side and a purpose; this one has not both.")
    if order.here is None:
        return SPEC.unknown(f"{request.client_id}: nothing is known about {request.symbol!r}; add it to the run.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="identity",
    check=check,
    looks_at="client id, side, purpose, symbol",
    part=Part.EVERY,
)
