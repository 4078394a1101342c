"""No more positions than allowed; those on their way count (promise 14)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny another position; adding to one that is there is none."""
    if limits.max_concurrent_positions is None:
        return None
    held, worst = facts.scopes[limits.scope].units.get(order.request.symbol, 0.0), order.worst(limits.scope)
    if not (finite(worst.count) and finite(held)):
        return SPEC.unknown("How many positions are open or on their way is not known.")
    if held == 0.0 and not (worst.count <= limits.max_concurrent_positions):
        return SPEC.deny(f"{worst.count:g} positions would exceed {limits.max_concurrent_positions}.")
    return None


SPEC: LimitRule = LimitRule(
    name="position_count",
    check=check,
    looks_at="positions and entries on their way",
    limits=("max_concurrent_positions",),
)
