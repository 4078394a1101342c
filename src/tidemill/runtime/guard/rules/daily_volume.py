"""Only so much is traded in a day; filled, working, unknown and this order count (125; trap 41)."""

from __future__ import annotations

from tidemill.model.instrument import AssetClass
from tidemill.model.units import MICROS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, measured
from tidemill.runtime.guard.spec import LimitRule, Violation
from tidemill.runtime.guard.worst_case import entries, value_per_unit, worst_price

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny what could exceed the day's volume; futures go by contracts where those are limited."""
    if limits.max_daily_volume_usd is None:
        return None
    scope, value = facts.scopes[limits.scope], 0.0
    for request, remaining in entries(scope, order.request):
        here = facts.symbols.get(request.symbol)
        if here is None or here.instrument is None:
            return SPEC.unknown(f"{request.symbol}: what one unit is worth is not known.")
        if here.instrument.asset_class is not AssetClass.FUTURE or limits.max_contracts is None:
            value += remaining * value_per_unit(here.instrument, worst_price(facts, request.symbol, request))
    if not (finite(value) and measured(scope.volume_today_micros)):
        return SPEC.unknown("What was traded today is not known.")
    total = scope.volume_today_micros / MICROS + value
    if value > 0.0 and not (total <= limits.max_daily_volume_usd):
        return SPEC.deny(f"{total:,.2f} would be traded today; {limits.max_daily_volume_usd:,.2f} are allowed.")
    return None


SPEC: LimitRule = LimitRule(
    name="daily_volume",
    check=check,
    looks_at="value filled today and on its way",
    limits=("max_daily_volume_usd",),
)
