"""Entries stop before the disk is full (K1)."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import measured
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(_: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny beyond the tolerance."""
    if not measured(facts.disk_free_bytes):
        return SPEC.unknown("The free disk space is not known.")
    if not (facts.disk_free_bytes >= limits.min_disk_free_bytes):
        return SPEC.deny(f"Only {facts.disk_free_bytes / 1e6:.0f} MB are free where the database lies; make room.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="disk_free",
    check=check,
    looks_at="free bytes where the database lies",
    limits=("min_disk_free_bytes",),
)
