"""Entries outside the regular session only where they are allowed; daily bars have no hours (trap 5)."""

from __future__ import annotations

from tidemill.model.bars import DAY_NS
from tidemill.model.enums import Session
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.spec import LimitRule, Severity, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, _: Facts, limits: Limits, /) -> Violation | None:
    """Deny outside the regular session."""
    if limits.extended_hours is True:
        return None
    here = order.here
    if here is None or here.session is None:
        return SPEC.unknown(f"{order.request.symbol}: the session of its exchange is not known.")
    if here.interval_ns >= DAY_NS or here.session is Session.REGULAR:
        return None
    return SPEC.deny("The regular session is closed and extended hours are off.")


SPEC: LimitRule = LimitRule(
    name="extended_hours",
    check=check,
    looks_at="session of the exchange, bar size",
    limits=("extended_hours",),
    severity=Severity.WARNING,
)
