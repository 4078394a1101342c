"""A new position must not be one more of the same: exposure-weighted correlation of daily returns (113)."""

from __future__ import annotations

from collections.abc import Mapping

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.correlation import MIN_DAYS, CorrelationMatrix, portfolio_correlation
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
        return SPEC.unknown(_unknown(order.request.symbol, worst.held, matrix))
    if not (alike <= limits.max_correlation):
        return SPEC.deny(f"{order.request.symbol}: correlation {alike:.2f} exceeds {limits.max_correlation:g}.")
    return None


def _unknown(symbol: str, held: Mapping[str, float], matrix: CorrelationMatrix) -> str:
    """Say which pair is not known, and what to load."""
    missing = [name for name in held if name != symbol and not finite(matrix.between(symbol, name))]
    pairs = ", ".join(f"{name} ({matrix.days.get((symbol, name), 0)} common days)" for name in missing)
    return (
        f"{symbol}: it is not known how it moves with {pairs or 'what is held'}; {MIN_DAYS} common daily returns are "
        f"needed. Give the run bars of at least {MIN_DAYS + 1} earlier trading days (files in [data])."
    )


SPEC: LimitRule = LimitRule(
    name="correlation",
    check=check,
    looks_at="daily returns, exposures",
    limits=("max_correlation",),
    severity=Severity.WARNING,
)
