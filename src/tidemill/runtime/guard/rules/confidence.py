"""A signal that is not sure enough does not trade (113)."""

from __future__ import annotations

from tidemill.model.enums import Reason
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import LimitRule, Severity, Violation

__all__ = ["SPEC", "check"]

_MOST = 100.0


def check(order: Candidate, _: Facts, limits: Limits, /) -> Violation | None:
    """Deny below the least confidence; none stated is below it, unless a person asks or the owner lets such pass."""
    if limits.min_confidence is None:
        return None
    stated, least = order.request.confidence, limits.min_confidence
    if not finite(stated):
        return SPEC.unknown(f"The confidence {stated!r} is no number; state one between 0 and 100.")
    if stated == 0.0:
        if order.request.reason is Reason.MANUAL or not limits.confidence_needed:
            return None
        return SPEC.unknown(
            f"The signal states no confidence, and {least:g} is asked for; let the strategy state one "
            "(buy(order, confidence=80)), or set min_confidence anew."
        )
    if not (least <= stated <= _MOST):
        return SPEC.deny(f"Confidence {stated:g} is below {least:g}, or above {_MOST:g}.")
    return None


SPEC: LimitRule = LimitRule(
    name="confidence",
    check=check,
    looks_at="confidence of the signal",
    limits=("min_confidence",),
    severity=Severity.WARNING,
)
