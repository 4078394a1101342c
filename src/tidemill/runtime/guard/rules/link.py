"""Entries need both connections: the broker's order stream and the market data (N22, N23, B15)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, __: Tolerances, /) -> Violation | None:
    """Deny while a connection is missing."""
    if facts.order_stream_ready is not True:
        return SPEC.deny("The broker's order stream is not ready; fills could be missed.")
    if facts.market_data_ready is not True:
        return SPEC.deny("Market data are not connected; prices could be old.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="link",
    check=check,
    looks_at="order stream, market data",
)
