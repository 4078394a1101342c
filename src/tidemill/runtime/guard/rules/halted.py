"""While a scope is halted only cancels and strictly reducing orders leave (promise 11)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import Reset, SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, _facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny while a halt stands, in the table or in the folder of halt files."""
    return SPEC.deny(f"Halted: {order.stops}") if order.stops else None


SPEC: SafetyRule = SafetyRule(
    name="halted",
    check=check,
    looks_at="halts of system, account, run, strategy, symbol",
    severity=Severity.WARNING,
    reset=Reset.HUMAN,
)
