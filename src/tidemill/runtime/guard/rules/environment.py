"""Nothing leaves for another account or environment than was promised (fault B38)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.spec import Part, Reset, SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, __: Tolerances, /) -> Violation | None:
    """Deny unless the broker's own answer names the promised account and environment."""
    if facts.mode not in {"paper", "live"} or not facts.broker_environment or not facts.broker_account:
        return SPEC.unknown("The broker has not told its account and environment yet; connect and ask.")
    if facts.broker_environment != facts.mode or facts.broker_account != facts.account:
        return SPEC.deny(
            f"Promised was {facts.mode} account {facts.account}, the broker is {facts.broker_environment} account "
            f"{facts.broker_account}; correct the keys."
        )
    return None


SPEC: SafetyRule = SafetyRule(
    name="environment",
    check=check,
    looks_at="mode, account, the broker's answer",
    part=Part.EVERY,
    severity=Severity.CRITICAL,
    reset=Reset.HUMAN,
    owner=Scope.ACCOUNT,
)
