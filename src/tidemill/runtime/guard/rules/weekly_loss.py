"""A week's loss has an end."""

from __future__ import annotations

from tidemill.model.units import MICROS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, micros
from tidemill.runtime.guard.spec import LimitRule, Reset, Severity, Violation

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny once the loss since the week began has reached its limit."""
    if limits.max_weekly_loss_usd is None:
        return None
    scope = facts.scopes[limits.scope]
    base, equity = scope.baseline, scope.equity_micros
    if base is None or base.day != facts.trading_day or not finite(equity):
        return SPEC.unknown("Where this week began, or where equity stands, is not known.")
    lost = base.week_loss_micros(equity)
    if lost > 0 and not (lost < micros(limits.max_weekly_loss_usd)):
        return SPEC.deny(f"{lost / MICROS:,.2f} lost this week; the limit is {limits.max_weekly_loss_usd:,.2f}.")
    return None


SPEC: LimitRule = LimitRule(
    name="weekly_loss",
    check=check,
    looks_at="equity, the week's baseline, deposits",
    limits=("max_weekly_loss_usd",),
    severity=Severity.CRITICAL,
    reset=Reset.WEEK,
    is_standing=True,
)
