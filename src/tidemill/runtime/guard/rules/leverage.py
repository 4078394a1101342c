"""The notional value of everything stays below a multiple of equity; futures count in full."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, micros
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny what could exceed the share."""
    if limits.max_leverage is None:
        return None
    worst, equity = order.worst(limits.scope), facts.scopes[limits.scope].equity_micros
    if not (finite(worst.notional) and finite(equity)):
        return SPEC.unknown("Equity or the value of what is open and on its way is not known.")
    if not (micros(worst.notional) <= equity * limits.max_leverage):
        return SPEC.deny(f"{worst.notional:,.2f} would be open, more than {limits.max_leverage:g} times equity.")
    return None


SPEC: LimitRule = LimitRule(
    name="leverage",
    check=check,
    looks_at="notional of all positions and entries, equity",
    limits=("max_leverage",),
)
