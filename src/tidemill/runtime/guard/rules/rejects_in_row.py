"""One rejected order after the other: stop asking, look (B4, B32)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import Reset, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.rejects_in_row):
        return SPEC.unknown("How many orders were rejected lately is not known.")
    if not (facts.rejects_in_row < limits.max_rejects_in_row):
        return SPEC.deny(
            f"The broker rejected {facts.rejects_in_row} orders in a row; find out why, then clear the halt."
        )
    return None


SPEC: SafetyRule = SafetyRule(
    name="rejects_in_row",
    check=check,
    looks_at="rejects since the last accepted order",
    limits=("max_rejects_in_row",),
    reset=Reset.HUMAN,
    owner=Scope.ACCOUNT,
    is_standing=True,
)
