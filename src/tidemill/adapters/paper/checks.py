"""What the paper account refuses: orders that make no sense anywhere, and entries its terms forbid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tidemill.adapters.paper.account import PaperAccount
from tidemill.engine.plan import EnginePlan
from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, OrderType
from tidemill.model.errors import OrderRejected
from tidemill.model.units import from_micros

__all__ = ["LONGEST_ID", "PaperChecks", "PaperTerms"]

LONGEST_ID: Final = 64
_LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_TRIGGERED = (OrderType.STOP, OrderType.STOP_LIMIT)


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """What the paper account is strict about beyond the run's settings; by default nothing, as in a backtest.

    Args:
        account_id: shown by the account's facts.
        check_buying_power: refuse entries the account cannot pay for at their limit, trigger or last price.
        regular_hours_only: refuse entries outside the regular session of the instrument's calendar.
        match_trades: orders meet trades, each as a bar of one price; bars only of instruments no trade has come of.
    """

    account_id: str = "PAPER"
    check_buying_power: bool = False
    regular_hours_only: bool = False
    match_trades: bool = False


class PaperChecks:
    """Looks at every order before it may go live.

    Args:
        plan: of the run.
        terms: what the account is strict about.
        funds: the account's money.
    """

    def __init__(self, plan: EnginePlan, terms: PaperTerms, funds: PaperAccount) -> None:
        self._plan, self._terms, self._funds = plan, terms, funds
        self._rows = {item.symbol: row for row, item in enumerate(plan.instruments)}

    def row_of(self, order: OrderRequest, now_ns: int) -> int:
        """Return the instrument's row of an order that may go live.

        Raises:
            OrderRejected: it may not.
        """
        if not 0 < len(order.client_id) <= LONGEST_ID:
            raise OrderRejected(f"The client id {order.client_id!r} must have 1 to {LONGEST_ID} characters.")
        row = self._rows.get(order.symbol)
        if row is None:
            raise OrderRejected(f"{order.symbol} is not traded in this account.")
        _demand_sense(order)
        if not self._funds.is_priced(row):
            raise OrderRejected(f"The currency of {order.symbol} has no price yet; wait for the first bar of its pair.")
        if order.intent is Intent.ENTRY and self._terms.check_buying_power:
            self._demand_money(order, row)
        if order.intent is Intent.ENTRY and self._terms.regular_hours_only:
            self._demand_session(order, row, order.created_ns or now_ns)
        return row

    def _demand_money(self, order: OrderRequest, row: int) -> None:
        named = [price for price in (order.limit_price, order.stop_price) if price > 0.0]
        price = named[0] if named else self._funds.last(row)
        needed, power = self._funds.needed(row, int(order.side), order.quantity, price), self._funds.buying_power
        if needed > power:
            raise OrderRejected(f"Buying power {from_micros(power):.2f} does not cover this order of {order.symbol}.")

    def _demand_session(self, order: OrderRequest, row: int, at_ns: int) -> None:
        """Refuse outside the regular session; a calendar without a schedule never closes."""
        calendar = self._plan.calendars[self._plan.calendar_of[row]]
        ahead = int(np.searchsorted(calendar.close_ns, at_ns, side="right"))
        if len(calendar.day) and (ahead == len(calendar.day) or at_ns < calendar.open_ns[ahead]):
            raise OrderRejected(f"The regular session of {order.symbol} is closed.")


def _demand_sense(order: OrderRequest) -> None:
    """Refuse an order whose numbers no exchange could work with."""
    if not (0.0 < order.quantity < math.inf):
        raise OrderRejected(f"The quantity of {order.symbol} must be above zero, not {order.quantity:g}.")
    if order.type in _LIMITED and not (0.0 < order.limit_price < math.inf):
        raise OrderRejected(f"A {order.type.name} order of {order.symbol} needs a limit price above zero.")
    if order.type in _TRIGGERED and not (0.0 < order.stop_price < math.inf):
        raise OrderRejected(f"A {order.type.name} order of {order.symbol} needs a trigger above zero.")
    if order.type is OrderType.TRAILING_STOP and not (order.trail_amount > 0.0 or order.trail_pct > 0.0):
        raise OrderRejected(f"A trailing stop of {order.symbol} needs a distance; give an amount or percent.")
