"""Only the engine that holds the account's lease sends, and only while it surely outlasts the call (P4, P11)."""

from __future__ import annotations

from tidemill.model.bars import SECOND_NS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import Part, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny when the lease could run out before the broker has answered."""
    needed = (limits.send_deadline_s + limits.lease_margin_s) * SECOND_NS
    if not finite(facts.lease_remaining_ns):
        return SPEC.unknown("No lease of the account is held; take it before anything is sent.")
    if not (facts.lease_remaining_ns > needed):
        return SPEC.deny("The account's lease runs out too soon to send; renew it and reconcile.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="lease",
    check=check,
    looks_at="time left of the lease",
    limits=("send_deadline_s", "lease_margin_s"),
    part=Part.EVERY,
)
