"""Entries leave inside the trading hours of their own zone only (traps 2-6; U12)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tidemill.model.bars import DAY_NS, SECOND_NS
from tidemill.model.settings import DAYS
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits, Window
from tidemill.runtime.guard.spec import LimitRule, Severity, Violation

__all__ = ["SPEC", "check"]

_MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday


def _is_inside(window: Window, local: datetime, is_daily: bool, trading_day: int) -> bool:
    if is_daily:  # its hours say nothing, its day is the trading day
        return DAYS[(trading_day + _MONDAY_SHIFT) % 7] in window.days
    start, end = window.minutes()
    minute = local.hour * 60 + local.minute
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if start < end:
        return start <= minute < end and today in window.days
    return (minute >= start and today in window.days) or (minute < end and yesterday in window.days)


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny outside every window."""
    if not limits.windows:
        return None
    here = order.here
    if here is None or here.instrument is None:
        return SPEC.unknown(f"{order.request.symbol}: the zone of its exchange is not known.")
    for window in limits.windows:
        local = datetime.fromtimestamp(facts.now_ns // SECOND_NS, ZoneInfo(window.zone or here.instrument.zone))
        if _is_inside(window, local, here.interval_ns >= DAY_NS, facts.trading_day):
            return None
    return SPEC.deny("The trading window is closed.")


SPEC: LimitRule = LimitRule(
    name="session_window",
    check=check,
    looks_at="wall clock of the window's zone, trading day",
    limits=("windows",),
    severity=Severity.WARNING,
)
