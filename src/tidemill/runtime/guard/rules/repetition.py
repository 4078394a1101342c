"""A strategy that repeats itself without end is switched off until a person arms it again (promise 16; P7)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import Reset, SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.strategy_orders_in_window):
        return SPEC.unknown("How often the strategy has traded lately is not known.")
    if not (facts.strategy_orders_in_window + 1 <= limits.max_strategy_orders_per_window):
        return SPEC.deny(
            f"{facts.strategy}: {facts.strategy_orders_in_window} entries in {limits.repetition_window_s:g} s; runaway?"
        )
    return None


SPEC: SafetyRule = SafetyRule(
    name="repetition",
    check=check,
    looks_at="entries of the strategy in the window",
    limits=("max_strategy_orders_per_window",),
    severity=Severity.CRITICAL,
    reset=Reset.HUMAN,
    owner=Scope.STRATEGY,
)
