"""A new position must not be one more of the same: exposure-weighted correlation of daily returns (113)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.correlation import portfolio_correlation
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import LimitRule, Severity, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny what moves like what is held; a pair without enough common days is not known."""
    if limits.max_correlation is None:
        return None
    worst, matrix = order.worst(limits.scope), facts.correlations
    if finite(worst.value) and not worst.held:
        return None
    if matrix is None or not finite(worst.value):
        return SPEC.unknown("What is held, or the correlations of its daily returns, are not known.")
    alike = portfolio_correlation(matrix, order.request.symbol, int(order.request.side), worst.held)
    if not finite(alike):
        return SPEC.unknown(f"{order.request.symbol}: too few common days to tell how it moves with what is held.")
    if not (alike <= limits.max_correlation):
        return SPEC.deny(f"{order.request.symbol}: correlation {alike:.2f} exceeds {limits.max_correlation:g}.")
    return None


SPEC: LimitRule = LimitRule(
    name="correlation",
    check=check,
    looks_at="daily returns, exposures",
    limits=("max_correlation",),
    severity=Severity.WARNING,
)
