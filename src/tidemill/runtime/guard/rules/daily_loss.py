"""A day's loss has an end, realised and unrealised, fees included; a profit never trips it (trap 31; promise 15)."""

from __future__ import annotations

from tidemill.model.units import MICROS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, micros
from tidemill.runtime.guard.spec import LimitRule, Reset, Severity, Violation

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny once the loss since the trading day began has reached its limit."""
    if limits.max_daily_loss_usd is None and limits.max_daily_loss_pct is None:
        return None
    scope = facts.scopes[limits.scope]
    base, equity = scope.baseline, scope.equity_micros
    if base is None or base.day != facts.trading_day or not finite(equity):
        return SPEC.unknown("Where this trading day began, or where equity stands, is not known.")
    lost = base.day_loss_micros(equity)
    if lost <= 0:
        return None
    if limits.max_daily_loss_usd is not None and not (lost < micros(limits.max_daily_loss_usd)):
        return SPEC.deny(f"{lost / MICROS:,.2f} lost today; the limit is {limits.max_daily_loss_usd:,.2f}.")
    share = limits.max_daily_loss_pct
    if share is not None and not (lost < base.day_equity_micros * share / 100.0):
        return SPEC.deny(f"{lost / MICROS:,.2f} lost today; the limit is {share:g} % of the day's first equity.")
    return None


SPEC: LimitRule = LimitRule(
    name="daily_loss",
    check=check,
    looks_at="equity, the day's baseline, deposits",
    limits=("max_daily_loss_usd", "max_daily_loss_pct"),
    severity=Severity.CRITICAL,
    reset=Reset.DAY,
    is_standing=True,
)
