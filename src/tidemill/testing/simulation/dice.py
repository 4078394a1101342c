"""A strategy that throws dice: every way to enter, add to, reduce and leave a position, the same for the same seed."""

from __future__ import annotations

from tidemill.authoring.fields import Memory, Param
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.proposals import buy, close, go_long, go_short, sell
from tidemill.model.enums import TimeInForce

__all__ = ["Dice"]

# Park and Miller's minimal standard generator, exact in float64.
_FACTOR = 16807.0
_MODULUS = 2147483647.0
_DAY = int(TimeInForce.DAY)
_IOC = int(TimeInForce.IOC)


class Dice(Strategy):
    """Throw dice on every bar: enter, add, reduce, turn round or leave, by market, limit, stop or immediate order."""

    seed = Param(1, low=1, high=1_000_000_000, unit="(a number)", doc="Of the dice.")
    entry_rate = Param(0.05, low=0.0, high=1.0, unit="per bar", doc="How likely a flat strategy enters.")
    exit_rate = Param(0.05, low=0.0, high=1.0, unit="per bar", doc="How likely a position is closed.")
    add_rate = Param(0.02, low=0.0, high=1.0, unit="per bar", doc="How likely a position is added to.")
    short_rate = Param(0.0, low=0.0, high=1.0, unit="of entries", doc="How many entries sell short.")
    quiet_after = Param(390, low=1, high=1_000_000, unit="bars", doc="After so many bars nothing is entered any more.")
    state = Memory(0.0, doc="Of the dice.")
    count = Memory(0.0, doc="Bars seen.")

    def step(me, bar, order):
        """Throw."""
        me.count += 1.0
        if me.state == 0.0:
            me.state = float((me.seed * 7919.0 + int(bar.close * 100.0)) % _MODULUS) + 1.0
        me.state = (me.state * _FACTOR) % _MODULUS
        first = me.state / _MODULUS
        me.state = (me.state * _FACTOR) % _MODULUS
        second = me.state / _MODULUS
        me.state = (me.state * _FACTOR) % _MODULUS
        side = me.state / _MODULUS
        if order.pending == 1 or me.count > me.quiet_after:
            return
        if order.held == 0.0:
            if first < me.entry_rate:
                if side < me.short_rate:
                    if second < 0.7:
                        sell(order)
                    else:
                        sell(order, 0.0, bar.close * 0.9995, 0.0, 0.0, 0.0, 0.0, 0.0, _IOC)
                elif second < 0.5:
                    buy(order)
                elif second < 0.7:
                    buy(order, 0.0, bar.close * 0.9998, 0.0, 0.0, 0.0, 0.0, 0.0, _DAY)
                elif second < 0.85:
                    buy(order, 0.0, bar.close * 1.0005, 0.0, 0.0, 0.0, 0.0, 0.0, _IOC)
                else:
                    buy(order, 0.0, 0.0, bar.close * 1.0004, 0.0, 0.0, 0.0, 0.0, _DAY)
            return
        if first < me.exit_rate:
            if second < 0.25:
                close(order, 1.0)
            elif second > 0.8 and me.short_rate > 0.0:
                if order.held > 0.0:
                    go_short(order)
                else:
                    go_long(order)
            else:
                close(order)
        elif first > 1.0 - me.add_rate:
            if order.held > 0.0:
                buy(order, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1, 1, 1)
            else:
                sell(order, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1, 1, 1)
