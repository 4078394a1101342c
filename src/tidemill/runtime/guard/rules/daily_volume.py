"""Only so much is traded in a day; filled, working, unknown and this order count (125; trap 41)."""

from __future__ import annotations

from tidemill.model.units import MICROS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, measured
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny what could exceed the day's volume; futures go by contracts where those are limited."""
    if limits.max_daily_volume_usd is None:
        return None
    scope, worst = facts.scopes[limits.scope], order.worst(limits.scope)
    value = worst.traded + (worst.traded_futures if limits.max_contracts is None else 0.0)
    if not (finite(value) and measured(scope.volume_today_micros)):
        return SPEC.unknown("What was traded today is not known.")
    total = scope.volume_today_micros / MICROS + value
    if value > 0.0 and not (total <= limits.max_daily_volume_usd):
        return SPEC.deny(f"{total:,.2f} would be traded today; {limits.max_daily_volume_usd:,.2f} are allowed.")
    return None


SPEC: LimitRule = LimitRule(
    name="daily_volume",
    check=check,
    looks_at="value filled today and on its way",
    limits=("max_daily_volume_usd",),
)
