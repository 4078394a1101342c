"""While fills and order events pile up, nothing new is started (reliability 2.11)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.inbox_depth):
        return SPEC.unknown("The number of waiting events is not known.")
    if not (facts.inbox_depth <= limits.max_inbox_depth):
        return SPEC.deny(f"{facts.inbox_depth} fills and order events wait to be worked through.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="inbox_depth",
    check=check,
    looks_at="fills and order events waiting",
    limits=("max_inbox_depth",),
)
