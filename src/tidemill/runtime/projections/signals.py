"""Signals with what became of them, and the log of everything that happened, in the order it happened."""

from __future__ import annotations

import ctypes
import json
from typing import Any

from tidemill.model.answers import REFUSALS
from tidemill.model.enums import Intent, OrderState, Reason, Refusal, Side
from tidemill.model.records import HEADER
from tidemill.runtime.orders.book import LiveOrder
from tidemill.runtime.orders.outgoing import decimal_text
from tidemill.runtime.projections.sheet import Sheet, Values

__all__ = ["Signals"]


class Signals:
    """Writes ``signals`` (every entry or exit that was asked for, refused or ordered) and ``activity_log``.

    Args:
        sheet: takes the rows.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._instruments = sheet.core.engine.state.tables["instruments"]
        self._header = sheet.core.engine.state.header
        offset = HEADER.fields["next_order_id"][1]  # type: ignore[index]
        self._order_ids = ctypes.c_int64.from_address(sheet.core.engine.state.address + offset)
        self._next_order = 1
        self._count = self._logged = 0
        self._open: dict[int, tuple[int, Values]] = {}  # order to number and row of its signal
        self._bought: dict[int, tuple[float, float]] = {}  # order to units and units times price of its fills
        self._day = -(2**62)
        self.today = 0
        self._was_halted = False

    def take_orders(self) -> None:
        """Take the orders decided since the last call."""
        while self._next_order < self._order_ids.value:
            order = self._sheet.book.by_number.get(self._next_order)
            if order is None:  # its turn is not over yet
                return
            self._next_order += 1
            self._take_order(order)

    def _take_order(self, order: LiveOrder) -> None:
        request = order.request
        words = f"{request.side.name} {decimal_text(request.quantity)} {request.symbol} {request.type.name}"
        facts = {"client_id": request.client_id, "intent": request.intent.name, "reason": request.reason.name}
        text = f"{words} ({request.reason.name})"
        self.log("ORDER", order.strategy, request.symbol, text, facts, request.created_ns)
        if request.intent is Intent.PROTECT:
            return
        values: Values = {
            "strategy": order.strategy,
            "symbol": request.symbol,
            "kind": request.intent.name.lower(),
            "side": request.side.name,
            "status": "ORDERED",
            "price": decimal_text(float(self._instruments[order.instrument]["last"])),
            "volume": decimal_text(request.quantity),
            "client_id": request.client_id,
            "strength": request.confidence / 100.0 if request.confidence > 0.0 else None,
            "at_ns": request.created_ns,
            "updated_ns": request.created_ns,
            "executed": 0,
        }
        self._open[request.number] = (self._new(), values)
        self._put(request.number)

    def _new(self) -> int:
        """Return the number of a new signal, counted for its day."""
        self._count += 1
        day = int(self._header["day"][0])
        if day != self._day:
            self._day, self.today = day, 0
        self.today += 1
        return self._count

    def _put(self, order: int) -> None:
        number, values = self._open[order]
        self._sheet.put("signals", (number,), dict(values))

    def take_refusal(self, row: Any) -> None:
        """Take a proposal that the core refused."""
        refusal = Refusal(int(row["refusal"]))
        strategy = self._sheet.strategies[int(row["strategy"])]
        symbol, side = self._sheet.instruments[int(row["instrument"])].symbol, Side(int(row["side"])).name
        values: Values = {
            "strategy": strategy,
            "symbol": symbol,
            "kind": "proposal",
            "side": side,
            "status": "REFUSED",
            "price": decimal_text(float(row["price"])),
            "volume": decimal_text(float(row["quantity"])),
            "refusal": refusal.name,
            "error": REFUSALS[refusal],
            "at_ns": int(row["ts_ns"]),
            "updated_ns": int(row["ts_ns"]),
            "executed": 0,
        }
        self._sheet.put("signals", (self._new(),), values)
        self.log("REFUSED", strategy, symbol, f"{side} {symbol}: {REFUSALS[refusal]}", {"refusal": refusal.name})

    def take_fill(self, fill: Any) -> None:
        """Take a fill."""
        number = int(fill["order_id"])
        strategy = self._sheet.strategies[int(fill["strategy"])]
        symbol = self._sheet.instruments[int(fill["instrument"])].symbol
        quantity, price = decimal_text(float(fill["quantity"])), decimal_text(float(fill["price"]))
        facts = {"order": number, "fee_micros": int(fill["fee"]), "realised_micros": int(fill["realised"])}
        side = Side(int(fill["side"])).name
        self.log("FILL", strategy, symbol, f"{side} {quantity} {symbol} at {price}", facts)
        if number not in self._open:
            return
        _, values = self._open[number]
        units, value = self._bought.get(number, (0.0, 0.0))
        units += float(fill["quantity"])
        value += float(fill["quantity"]) * float(fill["price"])
        self._bought[number] = (units, value)
        values["executed"] = 1
        values["execution_price"] = decimal_text(value / units)
        values["execution_ns"] = values["updated_ns"] = int(fill["ts_ns"])
        values["status"] = "EXECUTED"
        self._put(number)

    def take_end(self, row: Any) -> None:
        """Take an order that has ended; a filled one was told already."""
        number, state = int(row["order_id"]), OrderState(int(row["state"]))
        symbol = self._sheet.instruments[int(row["instrument"])].symbol
        if state is not OrderState.FILLED:
            text = f"The order of {symbol} ended {state.name}."
            facts = {"order": number, "filled": decimal_text(float(row["filled"]))}
            self.log(state.name, self._sheet.strategies[int(row["strategy"])], symbol, text, facts)
        if number in self._open:
            _, values = self._open[number]
            if state is not OrderState.FILLED:
                values["status"] = values["status"] if values["executed"] else state.name
                values["error"] = f"The order ended {state.name}."
                values["updated_ns"] = int(row["ended_ns"])
                self._put(number)
            del self._open[number]
            self._bought.pop(number, None)

    def take_trip(self, number: int, trip: Any) -> None:
        """Take a closed round trip."""
        symbol = self._sheet.instruments[int(trip["instrument"])].symbol
        pnl = int(trip["pnl"])
        facts = {"number": number, "pnl_micros": pnl, "reason": Reason(int(trip["exit_reason"])).name}
        strategy = self._sheet.strategies[int(trip["strategy"])]
        self.log("TRIP", strategy, symbol, f"Round trip {number} in {symbol} closed.", facts)

    @property
    def is_behind(self) -> bool:
        """Tell whether entries were stopped or let through since the last look."""
        return self._sheet.is_halted != self._was_halted

    def take_halt(self) -> None:
        """Take note of entries that were stopped, or let through again."""
        if self.is_behind:
            self._was_halted = self._sheet.is_halted
            text = "Entries are stopped." if self._was_halted else "Entries may pass again."
            self.log("HALTED" if self._was_halted else "RESUMED", "", "", text, {})

    def log(
        self, kind: str, strategy: str, symbol: str, text: str, facts: dict[str, Any], at_ns: int | None = None
    ) -> None:
        """Write one line of the log."""
        self._logged += 1
        values: Values = {
            "kind": kind,
            "strategy": strategy,
            "symbol": symbol,
            "text": text,
            "data_json": json.dumps(facts, sort_keys=True, separators=(",", ":")),
            "at_ns": self._sheet.now_ns if at_ns is None else at_ns,
        }
        self._sheet.put("activity_log", (self._logged,), values)
