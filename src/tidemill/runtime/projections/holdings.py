"""Positions, the account as it stands, and its snapshots."""

from __future__ import annotations

import json
from typing import Any

from tidemill.model.enums import OrderState
from tidemill.model.units import MICROS
from tidemill.runtime.orders.outgoing import decimal_text
from tidemill.runtime.projections.sheet import Sheet, Values, share_pct

__all__ = ["Holdings"]

_LIVE = (int(OrderState.WORKING), int(OrderState.PARTIAL), int(OrderState.CANCEL_PENDING))
_NONE = float("nan")
_DIGITS = 9  # of an average price: what lies behind them is the rounding of costs to micros


def _price(value: float) -> str:
    return decimal_text(value) if value > 0.0 else ""


class Holdings:
    """Writes ``positions``, ``portfolio_state`` and ``portfolio_snapshots``.

    Args:
        sheet: takes the rows.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        tables = sheet.core.engine.state.tables
        self._slots, self._instruments, self._accounts = tables["slots"], tables["instruments"], tables["accounts"]
        self._orders, self._strategies = tables["orders"], tables["strategies"]
        self._owners = {(int(s["strategy"]), int(s["instrument"])): at for at, s in enumerate(self._slots)}
        self._fees: dict[int, int] = {}  # of closed round trips, by slot
        self._peak = sheet.cash_micros
        self.signals_today = 0
        self._texts: dict[int, tuple[tuple[float, int], str]] = {}  # of open positions, by slot

    @property
    def equity(self) -> int:
        """Return cash and positions at their last marks, micros."""
        return int(self._accounts[0]["cash"]) + int(self._accounts[0]["market"])

    def look(self) -> None:
        """Take note of the equity as it stands, without writing it."""
        self._peak = max(self._peak, self.equity)

    @property
    def drawdown(self) -> int:
        """Return how far equity stands below its highest look, micros."""
        self.look()
        return self._peak - self.equity

    @property
    def peak(self) -> int:
        """Return the highest equity that was looked at."""
        return self._peak

    def note_fee(self, strategy: int, instrument: int, fee: int) -> None:
        """Add the fee of a fill to its position's."""
        at = self._owners[strategy, instrument]
        self._fees[at] = self._fees.get(at, 0) + fee

    def write_position(self, strategy: int, instrument: int) -> None:
        """Write one position as it stands; a flat one keeps its row with quantity 0."""
        at = self._owners[strategy, instrument]
        slot, known = self._slots[at], self._instruments[instrument]
        item = self._sheet.instruments[instrument]
        quantity, cost = float(slot["quantity"]), int(slot["cost"])
        paid = 0 if int(known["margined"]) == 1 else cost
        unrealised = int(slot["market"]) - paid if quantity else 0
        average = round(cost / quantity / MICROS / item.multiplier, _DIGITS) if quantity else _NONE
        values: Values = {
            "account": self._sheet.account,
            "quantity": decimal_text(quantity),
            "average_price": decimal_text(average),
            "market_price": decimal_text(float(known["last"])),
            "stop_price": _price(float(slot["stop_price"])) if quantity else "",
            "target_price": _price(float(slot["target_price"])) if quantity else "",
            "protected_quantity": decimal_text(self._protected(slot)),
            "market_value_micros": int(slot["notional"]),
            "cost_micros": cost,
            "unrealised_pnl_micros": unrealised,
            "realised_pnl_micros": int(slot["realised"]),
            "fees_micros": self._fees.get(at, 0),
            "opened_ns": int(slot["entry_ns"]),
            "updated_ns": self._sheet.now_ns,
            "unrealised_pnl_pct": share_pct(unrealised, abs(cost)),
        }
        self._sheet.put("positions", (self._sheet.strategies[strategy], item.symbol), values)

    def _protected(self, slot: Any) -> float:
        """Return the units that a live protective stop would close."""
        row = int(slot["stop_order"])
        if row < 0 or int(self._orders[row]["state"]) not in _LIVE:
            return 0.0
        return float(self._orders[row]["quantity"]) - float(self._orders[row]["filled"])

    def write_open(self) -> None:
        """Write every open position, and the account."""
        for slot in self._slots[self._slots["quantity"] != 0.0]:
            self.write_position(int(slot["strategy"]), int(slot["instrument"]))
        self.write_account()

    def _held(self) -> str:
        """Return open positions as JSON; what has not changed since it was written last is not written anew."""
        found = []
        held = zip(self._slots["quantity"].tolist(), self._slots["notional"].tolist(), strict=True)
        for row, now in enumerate(held):
            if now[0] != 0.0:
                if row not in self._texts or self._texts[row][0] != now:
                    self._texts[row] = (now, self._held_text(row, *now))
                found.append(self._texts[row][1])
        return f"[{','.join(found)}]"

    def _held_text(self, row: int, quantity: float, notional: int) -> str:
        slot = self._slots[row]
        values = {
            "strategy": self._sheet.strategies[int(slot["strategy"])],
            "symbol": self._sheet.instruments[int(slot["instrument"])].symbol,
            "quantity": decimal_text(quantity),
            "market_value_micros": notional,
        }
        return json.dumps(values, separators=(",", ":"))

    def write_account(self) -> None:
        """Write the account as it stands."""
        account, equity, sheet = self._accounts[0], self.equity, self._sheet
        start, gross = int(account["day_start_equity"]), int(account["gross"])
        power = equity * float(account["leverage"]) - int(account["blocked"]) - int(account["reserved"])
        drawdown = self.drawdown
        values: Values = {
            "positions_json": self._held(),
            "cash_micros": int(account["cash"]),
            "equity_micros": equity,
            "daily_pnl_micros": equity - start,
            "total_pnl_micros": equity - sheet.cash_micros,
            "open_trades": int(self._strategies["open_positions"].sum()),
            "exposure_micros": gross,
            "buying_power_micros": round(power),
            "trades_today": int(self._strategies["opened_today"].sum()),
            "signals_today": self.signals_today,
            "updated_ns": sheet.now_ns,
            "daily_pnl_pct": share_pct(equity - start, start),
            "exposure_pct": share_pct(gross, equity),
            "drawdown_pct": share_pct(drawdown, self._peak),
        }
        sheet.put("portfolio_state", (sheet.account,), values)

    def write_snapshot(self) -> None:
        """Write the account as it stands under this moment."""
        account, equity = self._accounts[0], self.equity
        values: Values = {
            "mode": self._sheet.mode,
            "positions_json": self._held(),
            "equity_micros": equity,
            "cash_micros": int(account["cash"]),
            "exposure_micros": int(account["gross"]),
            "daily_pnl_micros": equity - int(account["day_start_equity"]),
        }
        self._sheet.put("portfolio_snapshots", (self._sheet.now_ns,), values)
