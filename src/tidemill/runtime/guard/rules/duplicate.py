"""The same order twice within a moment, from two decisions, is taken for a mistake (17 CFR 240.15c3-5(c)(1)(ii))."""

from __future__ import annotations

from tidemill.model.bars import SECOND_NS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import EPSILON
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny an order like one that has just left."""
    request = order.request
    for sent in facts.recent:
        if (
            sent.symbol == request.symbol
            and sent.side is request.side
            and sent.client_id != request.client_id
            and not (abs(sent.quantity - request.quantity) > EPSILON)
            and not (facts.mono_ns - sent.mono_ns > limits.duplicate_window_s * SECOND_NS)
        ):
            return SPEC.deny(f"{request.symbol}: looks like {sent.client_id}, sent a moment ago; wait or change it.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="duplicate",
    check=check,
    looks_at="orders sent in the last seconds",
    limits=("duplicate_window_s",),
)
