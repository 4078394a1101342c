"""Only so many positions are opened in a day; one trade is one opened position (trap 32)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, measured
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny one more opening; entries on their way count, additions and exits do not."""
    if limits.max_trades_per_day is None:
        return None
    worst, opened = order.worst(limits.scope), facts.scopes[limits.scope].trades_today
    if not (finite(worst.opening) and measured(opened)):
        return SPEC.unknown("How many positions were opened today is not known.")
    if worst.opens and not (opened + worst.opening <= limits.max_trades_per_day):
        return SPEC.deny(f"{opened} positions were opened today; {limits.max_trades_per_day} are allowed.")
    return None


SPEC: LimitRule = LimitRule(
    name="trades_per_day",
    check=check,
    looks_at="positions opened today and on their way",
    limits=("max_trades_per_day",),
)
