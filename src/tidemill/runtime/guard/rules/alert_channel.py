"""Nobody can be woken: nothing new is started (promise 38)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny while no alert channel works, unless none is asked for."""
    if limits.needs_alert_channel is False or facts.alert_channel_ok is True:
        return None
    return SPEC.deny("No alert channel works; restore one before new entries.")


SPEC: SafetyRule = SafetyRule(
    name="alert_channel",
    check=check,
    looks_at="state of the alert channels",
    limits=("needs_alert_channel",),
)
