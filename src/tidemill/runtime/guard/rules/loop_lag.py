"""An engine that cannot keep up does not take on more (K2, P5)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.loop_lag_s):
        return SPEC.unknown("The engine's lag is not measured.")
    if not (facts.loop_lag_s <= limits.max_loop_lag_s):
        return SPEC.deny(f"The engine is {facts.loop_lag_s:.1f} s behind; it must catch up first.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="loop_lag",
    check=check,
    looks_at="lag of the event loop",
    limits=("max_loop_lag_s",),
)
