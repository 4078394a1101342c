"""After a row of losing trades the day is over (breaker of 2.10)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import LimitRule, Reset, Violation

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny once the row has reached its limit."""
    if limits.max_losses_in_row is None:
        return None
    row = facts.scopes[limits.scope].losses_in_row
    if not measured(row):
        return SPEC.unknown("How many trades were lost in a row is not known.")
    if not (row < limits.max_losses_in_row):
        return SPEC.deny(f"{row} losing trades in a row; {limits.max_losses_in_row} end the day.")
    return None


SPEC: LimitRule = LimitRule(
    name="losses_in_row",
    check=check,
    looks_at="losing trades since the last winner",
    limits=("max_losses_in_row",),
    reset=Reset.DAY,
    is_standing=True,
)
