"""No position grows beyond its limits; filled, working, unknown and this order count (promise 14; trap 41)."""

from __future__ import annotations

import math

from tidemill.model.instrument import AssetClass
from tidemill.model.units import MICROS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import UNKNOWN, finite
from tidemill.runtime.guard.scaling import size_scale
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def _cap(facts: Facts, limits: Limits, scale: float) -> float:
    """Return the value one position may have, money; NaN when equity is not known."""
    cap = limits.max_position_usd * scale if limits.max_position_usd is not None else math.inf
    if limits.max_position_pct is None:
        return cap
    equity = facts.scopes[limits.scope].equity_micros
    if not finite(equity):
        return UNKNOWN
    return min(cap, equity / MICROS * limits.max_position_pct / 100.0 * scale)


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny what could make the position too large; in a drawdown the limits are halved."""
    request, here = order.request, order.here
    worst = order.worst(limits.scope)
    scale = size_scale(limits, facts.scopes[limits.scope])
    if here is None or here.instrument is None or not (finite(worst.value) and finite(scale)):
        return SPEC.unknown(f"{request.symbol}: what its position could be worth is not known.")
    if here.instrument.asset_class is AssetClass.FUTURE and limits.max_contracts is not None:
        if not (worst.units <= limits.max_contracts * scale):
            return SPEC.deny(f"{request.symbol}: {worst.units:g} contracts exceed {limits.max_contracts * scale:g}.")
        return None
    cap = _cap(facts, limits, scale)
    if not (worst.value <= cap):
        return SPEC.deny(f"{request.symbol}: a position of {worst.value:,.2f} exceeds {cap:,.2f}.")
    return None


SPEC: LimitRule = LimitRule(
    name="position_size",
    check=check,
    looks_at="position, orders on their way, equity, drawdown",
    limits=("max_position_usd", "max_position_pct", "max_contracts"),
)
