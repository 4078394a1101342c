"""What a run tells whoever listens: fills, orders, positions, bars, links and breakers, as notices on its bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from tidemill.model.enums import EventKind, Intent, OrderState, Refusal, Side
from tidemill.model.instrument import Instrument
from tidemill.runtime.bus import EventBus, Notice, Topic
from tidemill.runtime.core import Written
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.room import LinkWord

__all__ = ["Notices"]

_BAR = int(EventKind.BAR)
_ENDED = {
    int(OrderState.REJECTED): Topic.ORDER_REJECTED,
    int(OrderState.CANCELED): Topic.ORDER_CANCELLED,
    int(OrderState.EXPIRED): Topic.ORDER_CANCELLED,
}
_FLAT = 1e-9


class Notices:
    """Turns what happens in a run into notices; a topic nobody wants costs nothing.

    Args:
        bus: where they go. A failing handler of a fill is raised through here, and the run stops.
        instruments, strategies: names by row.
    """

    def __init__(self, bus: EventBus, instruments: Sequence[Instrument], strategies: Sequence[str]) -> None:
        self._bus = bus
        self._symbols = [item.symbol for item in instruments]
        self._strategies = list(strategies)

    def _tell(self, topic: Topic, at_ns: int, symbol: str, **values: Any) -> None:
        self._bus.emit(Notice(topic, at_ns, symbol, values))

    def market(self, rows: NDArray[Any]) -> None:
        """Tell closed bars and ticks."""
        topic = Topic.CANDLE_COMPLETED if int(rows["kind"][-1]) == _BAR else Topic.TICK_RECEIVED
        if not self._bus.wants(topic):
            return
        for row in rows:
            symbol = self._symbols[int(row["instrument"])]
            if topic is Topic.TICK_RECEIVED:
                self._tell(topic, int(row["ts_ns"]), symbol, price=float(row["close"]), size=float(row["volume"]))
            elif int(row["kind"]) == _BAR:
                bar = {name: float(row[name]) for name in ("open", "high", "low", "close", "volume")}
                self._tell(topic, int(row["now_ns"]), symbol, start_ns=int(row["ts_ns"]), **bar)

    def placed(self, outgoing: Sequence[Outgoing]) -> None:
        """Tell orders that were decided and made durable."""
        for item in outgoing:
            if item.action == "submit" and not item.is_known:
                request = item.order.request
                if request.intent is Intent.ENTRY:
                    self._tell(
                        Topic.SETUP_DETECTED,
                        request.created_ns,
                        request.symbol,
                        strategy=item.order.strategy,
                        side=request.side.name,
                        quantity=request.quantity,
                        client_id=request.client_id,
                    )
                self._tell(
                    Topic.ORDER_PLACED,
                    request.created_ns,
                    request.symbol,
                    client_id=request.client_id,
                    side=request.side.name,
                    type=request.type.name,
                    quantity=request.quantity,
                )

    def follow(self, seq: int, written: Written) -> None:  # noqa: ARG002 - every follower is told the tape row
        """Tell what the core has booked."""
        for row in written.fills:
            self._fill(row)
        for row in written.refusals:
            self._refusal(row)
        for row in written.orders:
            if self._is_lost_entry(row):
                symbol, why = self._symbols[int(row["instrument"])], OrderState(int(row["state"])).name
                values = {"strategy": self._strategies[int(row["strategy"])], "why": why}
                self._tell(Topic.SETUP_INVALIDATED, int(row["ended_ns"]), symbol, **values)
            topic = _ENDED.get(int(row["state"]))
            if topic is not None:
                symbol = self._symbols[int(row["instrument"])]
                self._tell(topic, int(row["ended_ns"]), symbol, number=int(row["order_id"]))

    @staticmethod
    def _is_lost_entry(row: Any) -> bool:
        """Tell whether an entry ended before anything of it was filled."""
        return int(row["state"]) in _ENDED and int(row["intent"]) == Intent.ENTRY and float(row["filled"]) <= _FLAT

    def _refusal(self, row: Any) -> None:
        """Tell what a strategy wanted and did not get; what is a signal only stands."""
        symbol, at_ns = self._symbols[int(row["instrument"])], int(row["ts_ns"])
        known = {"strategy": self._strategies[int(row["strategy"])], "side": Side(int(row["side"])).name}
        self._tell(Topic.SETUP_DETECTED, at_ns, symbol, quantity=float(row["quantity"]), **known)
        refusal = Refusal(int(row["refusal"]))
        if refusal is not Refusal.SIGNAL_ONLY:
            self._tell(Topic.SETUP_INVALIDATED, at_ns, symbol, why=refusal.name, **known)

    def _fill(self, row: Any) -> None:
        symbol, at_ns = self._symbols[int(row["instrument"])], int(row["ts_ns"])
        side, quantity, after = int(row["side"]), float(row["quantity"]), float(row["position_after"])
        before = after - side * quantity
        known = {"strategy": self._strategies[int(row["strategy"])], "quantity": quantity, "price": float(row["price"])}
        number = int(row["order_id"])
        self._tell(Topic.ORDER_FILLED, at_ns, symbol, side=Side(side).name, number=number, position=after, **known)
        if abs(before) > _FLAT and before * after <= _FLAT:
            self._tell(Topic.POSITION_CLOSED, at_ns, symbol, realised_micros=int(row["realised"]), **known)
        if abs(after) > _FLAT and before * after <= _FLAT:
            self._tell(Topic.POSITION_OPENED, at_ns, symbol, side="LONG" if after > 0.0 else "SHORT", **known)

    def link(self, word: LinkWord) -> None:
        """Tell that a connection came or went, or has been away for long."""
        topic = Topic.WEBSOCKET_CONNECTED if word.is_up else Topic.WEBSOCKET_DISCONNECTED
        if word.code:
            if word.code != "SAFE_MODE":
                return
            topic = Topic.SAFE_MODE_ENTERED
        self._tell(topic, word.at_ns, "", text=word.text)
