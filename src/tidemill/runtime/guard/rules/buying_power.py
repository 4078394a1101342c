"""What the broker says can be bought, less what it has not seen yet (promise 14)."""

from __future__ import annotations

from tidemill.model.enums import Intent
from tidemill.model.units import MICROS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.numbers import finite, micros
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, _: Tolerances, /) -> Violation | None:
    """Deny what the account cannot pay for together with the entries the broker has not acknowledged."""
    need = order.value(order.request, order.request.quantity)
    for other in facts.scopes[Scope.ACCOUNT].orders:
        request = other.request
        if request.intent is Intent.EXIT or request.intent is Intent.PROTECT:
            continue
        if request.client_id != order.request.client_id and (other.is_unknown or not other.is_acknowledged):
            need += order.value(request, other.remaining)
    if not (finite(need) and finite(facts.buying_power_micros)):
        return SPEC.unknown(f"{order.request.symbol}: its cost or the account's buying power is not known.")
    if not (micros(need) <= facts.buying_power_micros):
        return SPEC.deny(f"{order.request.symbol}: needs {need:,.2f}, the account has {_has(facts)}.")
    return None


def _has(facts: Facts) -> str:
    return f"{(facts.buying_power_micros or 0) / MICROS:,.2f}"


SPEC: SafetyRule = SafetyRule(
    name="buying_power",
    check=check,
    looks_at="buying power, unacknowledged entries",
)
