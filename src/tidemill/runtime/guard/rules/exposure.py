"""All positions together stay below their share of equity (113; promise 14)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, micros
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny what could exceed the share."""
    if limits.max_exposure_pct is None:
        return None
    worst, equity = order.worst(limits.scope), facts.scopes[limits.scope].equity_micros
    if not (finite(worst.exposure) and finite(equity)):
        return SPEC.unknown("Equity or the value of what is open and on its way is not known.")
    if not (micros(worst.exposure) <= equity * limits.max_exposure_pct / 100.0):
        return SPEC.deny(f"{worst.exposure:,.2f} would be open, more than {limits.max_exposure_pct:g} % of equity.")
    return None


SPEC: LimitRule = LimitRule(
    name="exposure",
    check=check,
    looks_at="value of all positions and entries, equity",
    limits=("max_exposure_pct",),
)
