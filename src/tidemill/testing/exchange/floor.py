"""The floor of the scripted exchange: orders meet prices, fill rightly or wrongly, and everything is told."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from tidemill.model.broker import BrokerRules, OrderReport, OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.units import MICROS
from tidemill.ports.seams import Clock
from tidemill.testing.exchange.faults import Faults
from tidemill.testing.exchange.prices import fill_price
from tidemill.testing.exchange.truth import SimFill, SimOrder, Truth

__all__ = ["SCRIPTED_RULES", "Floor", "Listener"]

SCRIPTED_RULES: Final = BrokerRules(
    order_types=frozenset(OrderType),
    time_in_force=frozenset({TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    links_orders=True,
)
_SECOND_NS = 1_000_000_000
_DIGITS = 9
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


class Listener(Protocol):
    """A session that hears what happens to the account's orders."""

    def hear(self, report: OrderReport) -> None:
        """Take a report."""

    def kick(self) -> None:
        """End: another session has taken the place."""


class Floor:
    """One account's orders, fills, positions and cash.

    Args:
        clock: what its time is.
        faults: what goes wrong; by default nothing.
        rules: what it can do and claims.
        cash: at the start, account currency.
        fee_per_unit: commission, account currency.
        lag_s: seconds before an accepted order is shown.
        single_session: a second session takes the stream from the first.
        path: file that holds the truth after every change, so that it survives the death of this process.
        truth: to go on from.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        faults: Faults | None = None,
        rules: BrokerRules = SCRIPTED_RULES,
        cash: float = 100_000.0,
        fee_per_unit: float = 0.0,
        lag_s: float = 0.0,
        single_session: bool = True,
        path: Path | None = None,
        truth: Truth | None = None,
    ) -> None:
        self.clock, self.rules = clock, rules
        self.faults = faults or Faults()
        self.truth = truth or Truth(cash_micros=round(cash * MICROS))
        self._fee = fee_per_unit
        self._lag_ns = round(lag_s * _SECOND_NS)
        self._single, self._path = single_session, path
        self._listeners: list[Listener] = []
        self._save()

    @property
    def now_ns(self) -> int:
        """Return the broker's clock, which may be wrong."""
        skew = round(self.faults.value("B43") * _SECOND_NS) if "B43" in self.faults.active else 0
        return self.clock.now_ns() + skew

    def position(self, symbol: str) -> float:
        """Return the signed units held."""
        return self.truth.holding(symbol).quantity

    def working(self, symbol: str = "") -> list[SimOrder]:
        """Return the open orders, of one symbol if given."""
        return [order for order in self.truth.orders if order.is_open and symbol in {"", order.symbol}]

    def attach(self, listener: Listener) -> None:
        """Let a session hear; it takes the place of the one before where only one is allowed."""
        if self._single:
            for other in self._listeners:
                if other is not listener:
                    other.kick()
            self._listeners.clear()
        self.detach(listener)
        self._listeners.append(listener)

    def detach(self, listener: Listener) -> None:
        """Let a session hear no more."""
        self._listeners = [item for item in self._listeners if item is not listener]

    # inside

    def _save(self) -> None:
        if self._path is not None:
            self.truth.save(self._path)

    def _enlist(self, request: OrderRequest) -> SimOrder:
        truth, now = self.truth, self.now_ns
        lag = self._lag_ns + (round(self.faults.value("B5") * _SECOND_NS) if self.faults.fires("B5") else 0)
        order = SimOrder(
            f"X{truth.next_order}", request.client_id, request.symbol, request.side, request.type, request.tif,
            request.intent, request.quantity, request.limit_price, request.stop_price, request.trail_amount,
            request.trail_pct, request.group, request.parent, OrderState.WORKING, now, now, self.clock.now_ns() + lag,
        )  # fmt: skip
        truth.next_order += 1
        truth.orders.append(order)
        return order

    def _fork(self, order: SimOrder) -> SimOrder:
        """Leave an order alive beside its replacement."""
        truth = self.truth
        twin = replace(order, broker_id=f"X{truth.next_order}", filled=0.0, value=0.0, state=OrderState.WORKING)
        twin.quantity = order.remaining
        truth.next_order += 1
        truth.orders.append(twin)
        truth.forked[order.client_id] = truth.forked.get(order.client_id, 0) + 1
        return twin

    def _work(self, order: SimOrder) -> None:
        """Let a working order meet the last price."""
        truth, symbol = self.truth, order.symbol
        price = truth.prices.get(symbol)
        if order.is_open and order.state is not OrderState.HELD and price is not None:
            is_halted = truth.halted_ns.get(symbol, 0) > self.clock.now_ns()
            at = None if is_halted else fill_price(order, price)
            depth = truth.depth.get(symbol, math.inf)
            quantity = min(order.remaining, depth)
            if at is not None and quantity > 0.0 and not (order.tif is TimeInForce.FOK and quantity < order.remaining):
                truth.depth[symbol] = depth - quantity
                self._execute(order, quantity, at)
        if order.is_open and order.state is not OrderState.HELD and order.tif in {TimeInForce.IOC, TimeInForce.FOK}:
            self._end(order, OrderState.EXPIRED, "not filled at once")

    def _execute(self, order: SimOrder, quantity: float, price: float) -> None:
        """Fill, in as many parts and as wrongly as the faults want."""
        if quantity > 1.0 and self.faults.fires("B7"):
            self._book(order, math.ceil(quantity / 2), price)
            self._end(order, OrderState.CANCELED, "the rest was cancelled by the broker")
            return
        total = quantity
        if quantity == order.remaining and self.faults.fires("B9"):
            total = quantity + max(1.0, math.floor(quantity * self.faults.value("B9")))
        parts = min(int(total), int(self.faults.value("B8"))) if self.faults.fires("B8") else 1
        each = math.floor(total / parts) if parts > 1 else total
        for number in range(max(parts, 1)):
            self._book(order, each if number + 1 < parts else round(total - each * number, _DIGITS), price)

    def _fill_of(
        self, client_id: str, broker_id: str, symbol: str, side: Side, quantity: float, price: float
    ) -> SimFill:
        truth = self.truth
        fee = round(quantity * self._fee * MICROS)
        fill = SimFill(f"E{truth.next_exec}", broker_id, client_id, symbol, side, quantity, price, fee, self.now_ns)
        truth.next_exec += 1
        return fill

    def _move(self, fill: SimFill, sign: int = 1) -> None:
        """Let a fill move cash and position; a sign of -1 takes it back."""
        truth = self.truth
        truth.fills.append(fill)
        truth.holding(fill.symbol).move(sign * fill.side * fill.quantity, fill.price)
        truth.cash_micros -= sign * (fill.side * round(fill.quantity * fill.price * MICROS) + fill.fee_micros)

    def _book(self, order: SimOrder, quantity: float, price: float) -> None:
        """Book one fill of an order and tell it; then its siblings and children."""
        fill = self._fill_of(order.client_id, order.broker_id, order.symbol, order.side, quantity, price)
        self._move(fill)
        order.filled = round(order.filled + quantity, _DIGITS)
        order.value += quantity * price
        order.updated_ns = fill.ts_ns
        if order.is_open:
            order.state = OrderState.FILLED if order.remaining <= 0.0 else OrderState.PARTIAL
        self._tell(self._report_of(fill))
        if order.group:
            self._settle_group(order, quantity)
        if order.state is OrderState.FILLED:
            self._free_children(order)

    def _settle_group(self, order: SimOrder, quantity: float) -> None:
        """Cancel the siblings of an entry, shrink those of an exit."""
        for sibling in self.working(order.symbol):
            if sibling.group != order.group or sibling is order or self.faults.fires("B23"):
                continue
            if order.intent is not Intent.ENTRY:
                sibling.quantity = max(round(sibling.quantity - quantity, _DIGITS), sibling.filled)
            if order.intent is Intent.ENTRY or sibling.remaining <= 0.0:
                self._end(sibling, OrderState.CANCELED, "its sibling was filled")

    def _free_children(self, parent: SimOrder) -> None:
        """Release what waited for an order that has filled; end it when the order ended with nothing."""
        for child in [item for item in self.working() if item.parent and item.parent == parent.client_id]:
            if child.state is not OrderState.HELD:
                continue
            if parent.filled == 0.0:
                self._end(child, OrderState.CANCELED, "its parent ended unfilled")
            elif self.faults.fires("B22"):
                self._end(child, OrderState.REJECTED, "the child was rejected")
            else:
                child.state, child.updated_ns = OrderState.WORKING, self.now_ns
                child.quantity = (
                    min(child.quantity, parent.filled) if child.intent is not Intent.ENTRY else child.quantity
                )
                self._work(child)

    def _end(self, order: SimOrder, state: OrderState, text: str) -> None:
        kinds = {OrderState.CANCELED: EventKind.CANCELLED, OrderState.EXPIRED: EventKind.EXPIRED}
        order.state, order.text, order.updated_ns = state, text, self.now_ns
        self._say(kinds.get(state, EventKind.REJECT), order, text=text)
        self._free_children(order)

    def _report_of(self, fill: SimFill) -> OrderReport:
        return OrderReport(
            kind=EventKind.FILL, client_id=fill.client_id, broker_id=fill.broker_id, ts_ns=fill.ts_ns,
            exec_id=fill.exec_id, quantity=fill.quantity, price=fill.price, fee_micros=fill.fee_micros,
        )  # fmt: skip

    def _say(self, kind: EventKind, order: SimOrder, *, quantity: float = 0.0, text: str = "") -> OrderReport:
        report = OrderReport(
            kind=kind,
            client_id=order.client_id,
            broker_id=order.broker_id,
            ts_ns=self.now_ns,
            quantity=quantity,
            text=text,
        )
        self._tell(report)
        return report

    def _tell(self, report: OrderReport) -> None:
        for listener in self._listeners:
            listener.hear(report)
