"""An exit takes no more than the broker has confirmed, less what other exits claim (promise 10)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import Part, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, _facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny an exit that could open the opposite position."""
    request = order.request
    if not order.is_exit or order.is_reducing:
        return None
    if not finite(order.room):
        return SPEC.unknown(f"{request.symbol}: the confirmed position is not known; ask the broker before the exit.")
    return SPEC.deny(
        f"{request.symbol}: an exit of {request.quantity:g} exceeds the {order.room:g} that are left of the confirmed "
        "position; cancel other exits or send less."
    )


SPEC: SafetyRule = SafetyRule(
    name="exit_flip",
    check=check,
    looks_at="confirmed and own position, other exits",
    part=Part.EVERY,
)
