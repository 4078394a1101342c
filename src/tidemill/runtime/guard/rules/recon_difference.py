"""A symbol in which our record and the broker's differ takes no new risk (promise 9; B33)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny while the difference stands."""
    if facts.recon_symbols is None:
        return SPEC.unknown("Positions have not been compared with the broker's yet.")
    if order.request.symbol in facts.recon_symbols:
        return SPEC.deny(f"{order.request.symbol}: our position differs from the broker's; settle it first.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="recon_difference",
    check=check,
    looks_at="symbols with differences",
)
