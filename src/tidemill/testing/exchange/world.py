"""What happens at the scripted exchange without us: time, other people, the broker itself."""

from __future__ import annotations

import math
from dataclasses import replace

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.errors import ConfigError
from tidemill.testing.exchange.floor import Floor
from tidemill.testing.exchange.truth import Truth

__all__ = ["World"]

_SECOND_NS = 1_000_000_000


class World(Floor):
    """The floor, and everybody else."""

    def settle(self) -> None:
        """Let happen what was due: late rejections, late fills."""
        now, truth = self.clock.now_ns(), self.truth
        due = [item for item in truth.later if item[0] <= now]
        truth.later = [item for item in truth.later if item[0] > now]
        for _, what, broker_id in due:
            order = truth.of_broker(broker_id)
            if order is None:
                continue
            if what == "reject" and order.is_open:
                self._end(order, OrderState.REJECTED, "rejected after it was accepted")
            elif what == "fill" and order.remaining > 0.0:
                self._book(order, order.remaining, truth.prices[order.symbol])
        if due:
            self._save()

    def trade_by_hand(self, symbol: str, side: Side, quantity: float, text: str = "by hand") -> None:
        """Fill an order that is not ours: somebody's at the broker's own screen, or the broker's."""
        price = self.truth.prices[symbol]
        request = OrderRequest("", symbol, side, OrderType.MARKET, TimeInForce.DAY, quantity)
        order = self._enlist(request)
        order.text = text
        self._book(order, quantity, price)
        self._save()

    def liquidate(self, symbol: str) -> None:
        """Close a position by force, as a broker does after a margin call."""
        held = self.position(symbol)
        if held:
            self.trade_by_hand(symbol, Side.SELL if held > 0 else Side.BUY, abs(held), "liquidation")

    def fill_one(self) -> None:
        """Let somebody trade with our oldest resting limit order at its price."""
        for order in self.working():
            if order.type is OrderType.LIMIT and order.state is not OrderState.HELD:
                self._execute(order, order.remaining, order.limit_price)
                self._save()
                return

    def cancel_by_hand(self, broker_id: str, text: str = "by hand") -> None:
        """End one of our orders without being asked by us."""
        order = self.truth.of_broker(broker_id)
        if order is not None and order.is_open:
            self._end(order, OrderState.CANCELED, text)
            self._save()

    def ghost(self, symbol: str, side: Side, quantity: float) -> None:
        """Fill an order that is in no list."""
        fill = self._fill_of("", f"G{self.truth.next_exec}", symbol, side, quantity, self.truth.prices[symbol])
        self._move(fill)
        self._tell(self._report_of(fill))
        self._save()

    def bust(self, exec_id: str) -> None:
        """Take an execution back; it is shown as ``<exec id>:bust`` and never streamed."""
        self._correct(exec_id, math.nan)

    def correct(self, exec_id: str, price: float) -> None:
        """Give an execution another price: a bust and a ``<exec id>:correct``."""
        self._correct(exec_id, price)

    def adjust(self, symbol: str, units: float, price: float) -> None:
        """Move a position without an execution: assignment, delivery, a transfer."""
        self.truth.holding(symbol).move(units, price)
        self._save()

    def post_cash(self, amount_micros: int) -> None:
        """Post a dividend, fee or interest."""
        self.truth.cash_micros += amount_micros
        self._save()

    def split(self, symbol: str, ratio: float) -> None:
        """Split a stock: positions and prices are restated, resting orders are cancelled, as brokers do."""
        truth = self.truth
        truth.holding(symbol).quantity *= ratio
        if symbol in truth.prices:
            truth.prices[symbol] /= ratio
        for order in self.working(symbol):
            self._end(order, OrderState.CANCELED, "corporate action")
        self._save()

    def halt(self, symbol: str, seconds: float) -> None:
        """Stop trading in an instrument for a while; orders rest."""
        self.truth.halted_ns[symbol] = self.clock.now_ns() + round(seconds * _SECOND_NS)
        self._save()

    def end_day(self) -> None:
        """End the trading day: day orders expire."""
        for order in self.working():
            is_exit = order.intent is not Intent.ENTRY
            if order.tif is TimeInForce.DAY or (is_exit and self.faults.fires("B26")):
                self._end(order, OrderState.EXPIRED, "the day is over")
        self._save()

    def reset_account(self, account_id: str) -> None:
        """Wipe the account, as a reset of a paper account does; the counts stay."""
        old = self.truth
        counts = {
            name: getattr(old, name)
            for name in ("arrived", "accepted", "forked", "requests", "next_order", "next_exec")
        }
        self.truth = replace(Truth(account_id=account_id), prices=old.prices, **counts)
        self._save()

    def _correct(self, exec_id: str, price: float) -> None:
        fill = next((item for item in self.truth.fills if item.exec_id == exec_id and item.kind == "real"), None)
        if fill is None:
            raise ConfigError(f"There is no execution {exec_id} to take back.")
        self._move(replace(fill, exec_id=f"{exec_id}:bust", kind="bust", ts_ns=self.now_ns), sign=-1)
        if not math.isnan(price):
            self._move(replace(fill, exec_id=f"{exec_id}:correct", kind="correct", price=price, ts_ns=self.now_ns))
        self._save()

    def _misfortunes(self, symbol: str) -> None:
        """Let happen what nobody asked for."""
        fires, truth = self.faults.fires, self.truth
        resting = self.working(symbol)
        reducers = [order for order in resting if order.intent is not Intent.ENTRY]
        if self.faults.is_on("B10"):
            busted = {item.exec_id.partition(":")[0] for item in truth.fills if item.kind == "bust"}
            whole = [item for item in truth.fills if item.kind == "real" and item.exec_id not in busted]
            if whole and fires("B10"):
                self.bust(whole[-1].exec_id)
        if resting and fires("B27"):
            self.cancel_by_hand(resting[0].broker_id, "corporate action")
        if reducers and fires("B34"):
            self.cancel_by_hand(reducers[0].broker_id)
        if self.position(symbol) and fires("B31"):
            self.liquidate(symbol)
        if fires("B33"):
            self.trade_by_hand(symbol, Side.BUY, self.faults.value("B33"))
        if fires("B44"):
            self.ghost(symbol, Side.BUY, self.faults.value("B44"))
        if fires("B42"):
            self.halt(symbol, self.faults.value("B42"))
