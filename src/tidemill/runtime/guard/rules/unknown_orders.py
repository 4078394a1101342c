"""An order whose fate is unknown blocks its symbol; two of them block the account (reliability 2.4)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny while orders are unknown."""
    request = order.request
    lost = [other.request for other in facts.scopes[Scope.ACCOUNT].orders if other.is_unknown]
    lost = [other for other in lost if other.client_id != request.client_id]
    if any(other.symbol == request.symbol for other in lost):
        return SPEC.deny(f"{request.symbol}: an order of it is unknown; wait until the broker has told its fate.")
    if not (len(lost) < limits.max_unknown_orders):
        return SPEC.deny(f"{len(lost)} orders of the account are unknown; wait until they are resolved.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="unknown_orders",
    check=check,
    looks_at="unknown orders of the account",
    limits=("max_unknown_orders",),
)
