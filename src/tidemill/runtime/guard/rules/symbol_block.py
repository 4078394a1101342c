"""Halts, auctions, expiries, unmapped corporate actions: no entry in what cannot be traded (B28, B29, B42)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.spec import SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, _facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny while something stands in the symbol's way."""
    here = order.here
    if here is None or here.block is None:
        return SPEC.unknown(f"{order.request.symbol}: whether it may be traded now is not known.")
    return SPEC.deny(f"{order.request.symbol}: {here.block}") if here.block else None


SPEC: SafetyRule = SafetyRule(
    name="symbol_block",
    check=check,
    looks_at="trading status of the symbol",
    severity=Severity.WARNING,
)
