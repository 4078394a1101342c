"""Trading stops at a fall from the peak (128: 25 %)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import UNKNOWN, finite
from tidemill.runtime.guard.spec import LimitRule, Reset, Severity, Violation

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny once the fall from the peak has reached its limit."""
    if limits.max_drawdown_pct is None:
        return None
    scope = facts.scopes[limits.scope]
    base, equity = scope.baseline, scope.equity_micros
    fall = base.drawdown_pct(equity) if base is not None and finite(equity) else UNKNOWN
    if not finite(fall):
        return SPEC.unknown("The peak, or where equity stands, is not known.")
    if not (fall < limits.max_drawdown_pct):
        return SPEC.deny(f"{fall:.1f} % below the peak; the limit is {limits.max_drawdown_pct:g} %.")
    return None


SPEC: LimitRule = LimitRule(
    name="drawdown",
    check=check,
    looks_at="equity, its peak",
    limits=("max_drawdown_pct",),
    severity=Severity.CRITICAL,
    reset=Reset.HUMAN,
    is_standing=True,
)
