"""A clock that differs from the broker's stops entries (promise 25; T1, B43)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not finite(facts.clock_skew_s):
        return SPEC.unknown("The broker's clock has not been compared yet.")
    if not (abs(facts.clock_skew_s) <= limits.max_clock_skew_s):
        return SPEC.deny(f"The clock is {facts.clock_skew_s:.1f} s off the broker's; set it right (NTP).")
    return None


SPEC: SafetyRule = SafetyRule(
    name="clock_skew",
    check=check,
    looks_at="difference to the broker's clock",
    limits=("max_clock_skew_s",),
)
