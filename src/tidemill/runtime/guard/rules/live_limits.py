"""Live trading without a loss limit and a size limit on the account is not allowed (promise 13)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.spec import LimitRule, Reset, Violation

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny a live entry while the account has no limit on losses or on sizes."""
    if facts.mode == "paper":
        return None
    losses = (limits.max_daily_loss_usd, limits.max_daily_loss_pct)
    sizes = (limits.max_position_usd, limits.max_position_pct, limits.max_order_usd, limits.max_contracts)
    if all(value is None for value in losses) or all(value is None for value in sizes):
        return SPEC.deny("The account has no daily loss limit or no size limit; set both before trading live.")
    return None


SPEC: LimitRule = LimitRule(
    name="live_limits",
    check=check,
    looks_at="limits of the account",
    reset=Reset.HUMAN,
    is_account_wide=True,
)
