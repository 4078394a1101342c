"""An account sends only so many orders in a while."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.orders_in_window):
        return SPEC.unknown("How many orders were sent lately is not known.")
    if not (facts.orders_in_window + 1 <= limits.max_orders_per_window):
        return SPEC.deny(f"{facts.orders_in_window} orders within {limits.rate_window_s:g} s are the most; wait.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="order_rate",
    check=check,
    looks_at="orders of the account in the window",
    limits=("max_orders_per_window",),
)
