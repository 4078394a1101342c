"""Old prices stop entries, by the exchange's clock and by the time of arrival (promise 22; D1, D2, trap 27)."""

from __future__ import annotations

from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import OrderType
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import finite
from tidemill.runtime.guard.spec import SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny when the newest price is older than allowed beyond the feed's own delay."""
    request, here = order.request, order.here
    if here is None or not (finite(here.stamp_ns) and finite(here.arrived_mono_ns)):
        return SPEC.unknown(f"{request.symbol}: no price has arrived yet.")
    is_market = request.type is OrderType.MARKET
    allowed = (limits.max_market_data_age_s if is_market else limits.max_data_age_s) * SECOND_NS + here.interval_ns
    age, waited = facts.now_ns - here.stamp_ns - here.delay_ns, facts.mono_ns - here.arrived_mono_ns
    if not (-limits.max_clock_skew_s * SECOND_NS <= age + here.delay_ns and age <= allowed and 0 <= waited <= allowed):
        return SPEC.deny(f"{request.symbol}: its newest price is {max(age, waited) / SECOND_NS:.0f} s old.")
    return None if here.is_fresh is True else SPEC.deny(f"{request.symbol}: its feed is marked as stale.")


SPEC: SafetyRule = SafetyRule(
    name="stale_data",
    check=check,
    looks_at="stamp, arrival, freshness, bar size, delay of the feed",
    limits=("max_data_age_s", "max_market_data_age_s"),
    severity=Severity.WARNING,
)
