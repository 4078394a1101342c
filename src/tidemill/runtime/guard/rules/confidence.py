"""A signal that is not sure enough does not trade (113)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import LimitRule, Severity, Violation

__all__ = ["SPEC", "check"]

_MOST = 100.0


def check(_: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny below the least confidence; none given is below it."""
    if limits.min_confidence is None:
        return None
    if not finite(facts.confidence):
        return SPEC.unknown("The signal has no confidence, but the agent asks for one.")
    if not (limits.min_confidence <= facts.confidence <= _MOST):
        return SPEC.deny(f"Confidence {facts.confidence:g} is below {limits.min_confidence:g}.")
    return None


SPEC: LimitRule = LimitRule(
    name="confidence",
    check=check,
    looks_at="confidence of the signal",
    limits=("min_confidence",),
    severity=Severity.WARNING,
)
