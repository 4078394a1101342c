"""Entries only inside the trading windows and on their weekdays; hours say nothing about daily bars."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import head, instrument_at, proposal_at, slot_at, strategy_at, window_at
from tidemill.kernel.clock import day_of, inside_window, local_ns
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_OUTSIDE = int(Refusal.OUTSIDE_WINDOW)
_DAY_NS = 86_400_000_000_000
_ALL_DAYS = 127


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    settings = strategy_at(state, slot_at(state, ticket.slot).strategy)
    first, rows, days = settings.window, settings.window_rows, settings.window_days
    if rows == 0 and days == _ALL_DAYS:
        return 0
    top = head(state)
    is_bar = top.event.interval_ns > 0
    instant = top.event.ts_ns if top.event.interval_ns >= _DAY_NS else top.now_ns
    local = local_ns(state, settings.window_zone, settings.window_zone_rows, settings.window_zone_at, instant)
    if top.event.interval_ns >= _DAY_NS:
        calendar = instrument_at(state, slot_at(state, ticket.slot).instrument).calendar
        local = day_of(state, calendar, top.event.ts_ns) * _DAY_NS  # a CME day is named after the date it ends on
    intraday = 0 if is_bar and top.event.interval_ns >= _DAY_NS else 1
    if rows == 0:
        return 0 if inside_window(local, 0, 0, days, intraday) else _OUTSIDE
    for row in range(first, first + rows):
        window = window_at(state, row)
        if inside_window(local, window.start_min, window.end_min, days, intraday):
            return 0
    return _OUTSIDE


SPEC = RuleSpec(
    name="session_window",
    rank=40,
    refusals=(Refusal.OUTSIDE_WINDOW,),
    settings=("window", "window_zone", "window_days"),
    sentence="The trading window is closed.",
    check=check,
)
