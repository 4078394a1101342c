"""Requests of every kind are kept below what brokers punish; the rest is for exits and cancels (B1, B2)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.messages_in_window):
        return SPEC.unknown("How many requests were sent lately is not known.")
    if not (facts.messages_in_window + 1 <= limits.max_messages_per_window):
        return SPEC.deny(f"{facts.messages_in_window} requests within {limits.rate_window_s:g} s are the most; wait.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="message_rate",
    check=check,
    looks_at="requests of the account in the window",
    limits=("max_messages_per_window",),
)
