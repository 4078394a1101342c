"""A limit that was hit stays hit until its day or week is over, whatever the price does meanwhile."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import Reset, SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, _facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny while a breaker stands."""
    return SPEC.deny(f"A breaker stands: {order.latches}") if order.latches else None


SPEC: SafetyRule = SafetyRule(
    name="latched",
    check=check,
    looks_at="breakers of the scopes",
    severity=Severity.WARNING,
    reset=Reset.DAY,
)
