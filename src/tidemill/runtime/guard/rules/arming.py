"""Real money needs every key turned (promise 33)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import Reset, SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, __: Tolerances, /) -> Violation | None:
    """Deny a live entry while one key is missing."""
    if facts.mode == "paper":
        return None
    arming = facts.arming
    keys = {
        "the server's live flag": arming.server_flag,
        "the agent's live mode": arming.agent_is_live,
        "a fresh login of the owner": arming.owner_reauthenticated,
        "the typed account suffix": arming.suffix_confirmed,
        "limits of the owner's own": arming.own_limits,
    }
    missing = [name for name, turned in keys.items() if turned is not True]
    if facts.mode != "live" or missing:
        return SPEC.deny(f"Not armed for live trading; missing: {', '.join(missing) or 'the mode'}.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="arming",
    check=check,
    looks_at="five keys of arming",
    reset=Reset.HUMAN,
)
