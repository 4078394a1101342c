"""A disk or database that answers slowly stops entries before it stops answering (K2, K6)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.db_latency_s):
        return SPEC.unknown("The database's latency is not measured.")
    if not (facts.db_latency_s <= limits.max_db_latency_s):
        return SPEC.deny(f"The last commit took {facts.db_latency_s:.1f} s; see what slows the disk.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="db_latency",
    check=check,
    looks_at="time of the last commit",
    limits=("max_db_latency_s",),
)
