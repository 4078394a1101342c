"""An entry that waited too long never leaves (promise 4; N17, T6)."""

from __future__ import annotations

from tidemill.model.bars import SECOND_NS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny an entry past its time, or from the future of a clock that jumped."""
    request = order.request
    age_ns = facts.now_ns - request.created_ns
    if not (-limits.max_clock_skew_s * SECOND_NS <= age_ns <= limits.entry_ttl_s * SECOND_NS):
        return SPEC.deny(f"{request.symbol}: decided {age_ns / SECOND_NS:.1f} s ago; the price it was for is gone.")
    if request.expires_ns != 0 and not (facts.now_ns < request.expires_ns):
        return SPEC.deny(f"{request.symbol}: the entry has expired; decide anew.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="entry_ttl",
    check=check,
    looks_at="when it was decided, when it expires",
    limits=("entry_ttl_s",),
    severity=Severity.WARNING,
)
