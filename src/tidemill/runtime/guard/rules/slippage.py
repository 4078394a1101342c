"""Fills much worse than expected point to a broken market or a broken order (breaker of 2.10)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import Reset, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny while the mean slippage of the last fills is beyond the tolerance."""
    scope = facts.scopes.get(Scope.STRATEGY) or facts.scopes[Scope.ACCOUNT]
    if not finite(scope.slippage_bps):
        return SPEC.unknown("The slippage of the last fills is not known.")
    if not (scope.slippage_bps <= limits.max_slippage_bps):
        return SPEC.deny(
            f"The last fills were {scope.slippage_bps:.0f} basis points worse than expected; look into it."
        )
    return None


SPEC: SafetyRule = SafetyRule(
    name="slippage",
    check=check,
    looks_at="mean slippage beyond what was expected",
    limits=("max_slippage_bps",),
    reset=Reset.HUMAN,
    owner=Scope.STRATEGY,
    is_standing=True,
)
