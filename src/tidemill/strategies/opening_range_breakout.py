"""Opening-range breakout: trade the first move out of the range of the session's first minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidemill.authoring.fields import Choice, Memory, Param
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.proposals import close, go_long, go_short
from tidemill.model.enums import Reason

__all__ = ["OpeningRangeBreakout"]

_SESSION_END = int(Reason.SESSION_END)
_MINUTE_NS = 60_000_000_000
_NEVER = 1440  # minutes of a day


class OpeningRangeBreakout(Strategy):
    """Enter when a bar closes outside the range of the session's first minutes; once per day and side, out by evening.

    Minutes count from midnight of the exchange's zone, New York for US stocks and CME futures: 570 is 09:30. The stop
    lies at the other side of the range, the target ``target_r`` times that risk away, both measured from the close
    that broke out. A bar belongs to the range only if all of it lies inside, so bars longer than the range (daily
    bars too) never trade. On shortened days use the setting ``flat_before_close_min`` as well.
    Source: Toby Crabel, Day Trading with Short Term Price Patterns and Opening Range Breakout, 1990.
    """

    open_minute = Param(570, low=0, high=1439, unit="minutes after local midnight", doc="When the session opens.")
    range_minutes = Param(15, low=1, high=390, unit="minutes", doc="How long the opening range is built.")
    target_r = Param(2.0, low=0.0, high=20.0, unit="times the risk", doc="Distance of the target; 0 is no target.")
    flat_minute = Param(
        955, low=1, high=1440, unit="minutes after local midnight", doc="When positions are closed; 1440 is never."
    )
    direction = Choice("long_only", "both", doc="Whether a break downward opens a short position.")
    day = Memory(-1, doc="Trading day of the range.")
    range_bars = Memory(0, doc="Bars in the range so far.")
    range_high = Memory(0.0, doc="Highest price of the range.")
    range_low = Memory(0.0, doc="Lowest price of the range.")
    went_long = Memory(0, doc="1 after today's entry upward.")
    went_short = Memory(0, doc="1 after today's entry downward.")

    @staticmethod
    def check(params: Mapping[str, float]) -> str:
        """Refuse a closing time that leaves no time after the range."""
        ready = params["open_minute"] + params["range_minutes"]
        if params["flat_minute"] > ready:
            return ""
        return f"flat_minute ({params['flat_minute']:g}) must lie after the end of the range ({ready:g})."

    def step(me, bar, order, clock):
        """Build the range, then watch for the first close outside it."""
        ends = clock.minute + bar.interval_ns // _MINUTE_NS
        ready = me.open_minute + me.range_minutes
        if clock.day != me.day:
            me.day = clock.day
            me.range_bars = 0
            me.went_long = 0
            me.went_short = 0
            if me.flat_minute < _NEVER and order.pending == 0:
                close(order, reason=_SESSION_END)  # left over from a day that ended early
        if clock.minute >= me.open_minute and ends <= ready:
            _widen(me, bar)
        elif ends >= me.flat_minute and me.flat_minute < _NEVER:
            if order.pending == 0:
                close(order, reason=_SESSION_END)
        elif clock.minute >= ready and me.range_bars > 0 and order.held == 0.0 and order.pending == 0:
            _enter(me, bar.close, order)


def _widen(me: Any, bar: Any) -> None:
    """Take a bar into the opening range."""
    if me.range_bars == 0 or bar.high > me.range_high:
        me.range_high = bar.high
    if me.range_bars == 0 or bar.low < me.range_low:
        me.range_low = bar.low
    me.range_bars += 1


def _enter(me: Any, price: float, order: Any) -> None:
    """Enter on a close outside the range, if that side has not been tried today."""
    if price > me.range_high and me.went_long == 0:
        me.went_long = 1
        target = price + me.target_r * (price - me.range_low) if me.target_r > 0.0 else 0.0
        go_long(order, stop=me.range_low, target=target)
    elif price < me.range_low and me.went_short == 0 and me.direction == 1:
        me.went_short = 1
        target = price - me.target_r * (me.range_high - price) if me.target_r > 0.0 else 0.0
        go_short(order, stop=me.range_high, target=max(target, 0.0))
