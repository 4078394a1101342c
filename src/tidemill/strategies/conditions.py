"""Conditions: a custom strategy, put together from indicators with and, or and not."""

from __future__ import annotations

from tidemill.authoring.conditions.tree import Tree
from tidemill.authoring.fields import Choice
from tidemill.authoring.strategy import Strategy
from tidemill.kernel.conditions import judge
from tidemill.kernel.proposals import buy, go_long, go_short, sell

__all__ = ["Conditions"]

_EXAMPLE = """{
  "buy_conditions": {
    "type": "indicator", "indicator": {"type": "price", "condition": "crossesAbove", "value": "sma(20)"}
  },
  "sell_conditions": {
    "type": "indicator", "indicator": {"type": "price", "condition": "crossesBelow", "value": "sma(20)"}
  }
}"""


class Conditions(Strategy):
    """Buy and sell by a tree of conditions; buying is asked first and wins.

    The tree is given as JSON (``tree``), see the page on condition trees. The one it has by default is an example. A
    condition on an indicator that has no value yet is not met, under ``not`` neither. A sell closes a long position;
    with ``direction=both`` it opens a short one, which needs short selling allowed in the settings.
    """

    tree = Tree(_EXAMPLE, doc="When to buy and when to sell, as JSON.")
    direction = Choice("long_only", "both", doc="Whether a sell without a long position opens a short one.")

    def step(me, bar, order):
        """Let the tree take the bar, then do what it says."""
        signal = judge(me.tree, bar.open, bar.high, bar.low, bar.close, bar.volume)
        if order.pending == 1:
            return
        if signal > 0 and order.held <= 0.0:
            if me.direction == 1:
                go_long(order)
            else:
                buy(order)
        elif signal < 0:
            if me.direction == 1 and order.held >= 0.0:
                go_short(order)
            elif order.held > 0.0:
                sell(order)
