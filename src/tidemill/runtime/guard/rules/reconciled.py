"""No entry before our record and the broker's have been compared (promise 26)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, __: Tolerances, /) -> Violation | None:
    """Deny until the start-up comparison is through."""
    return None if facts.is_reconciled is True else SPEC.deny("Start-up reconciliation is not through; wait for it.")


SPEC: SafetyRule = SafetyRule(
    name="reconciled",
    check=check,
    looks_at="state of the start-up comparison",
)
