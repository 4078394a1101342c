"""Round trips from their first fill on, and the figures of risk after each of them and each day."""

from __future__ import annotations

import math
from typing import Any

from tidemill.model.enums import OrderType, Reason, Side
from tidemill.model.units import MICROS
from tidemill.runtime.orders.outgoing import decimal_text
from tidemill.runtime.projections.holdings import Holdings
from tidemill.runtime.projections.sheet import Sheet, Values, share_pct

__all__ = ["Risk", "Trips"]

_SIDES = {int(Side.BUY): "LONG", int(Side.SELL): "SHORT"}
_TRAILING = int(OrderType.TRAILING_STOP)
_DAYS_PER_YEAR = 252


class Trips:
    """Writes ``round_trips``: a row from the first fill on, closed when the position is flat or turned round.

    Args:
        sheet: takes the rows.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        tables = sheet.core.engine.state.tables
        self._slots, self._orders = tables["slots"], tables["orders"]
        self._owners = {(int(s["strategy"]), int(s["instrument"])): at for at, s in enumerate(self._slots)}
        self._open: dict[int, int] = {}  # slot to number
        self.count = 0
        self.closed = 0  # number of the trip that closed last

    def take_fill(self, fill: Any, closed: Any | None) -> None:
        """Take a fill and the round trip it closed, if it closed one."""
        at = self._owners[int(fill["strategy"]), int(fill["instrument"])]
        if closed is not None:
            self.closed = self._number(at)
            self._write_closed(self.closed, closed, self._slots[at])
            del self._open[at]
        if float(self._slots[at]["quantity"]) != 0.0:
            self._write_open(self._number(at), at)

    def take_terms(self) -> None:
        """Write the open round trips whose protection a person has set."""
        for at, number in self._open.items():
            if self._slots[at]["by_hand"]:
                self._write_open(number, at)

    def _number(self, at: int) -> int:
        if at not in self._open:
            self.count += 1
            self._open[at] = self.count
        return self._open[at]

    def _client(self, number: int) -> str:
        order = self._sheet.book.by_number.get(number)
        return order.request.client_id if order is not None else ""

    def _entry(self, strategy: int, instrument: int, reason: int, order_id: int) -> Values:
        order = self._sheet.book.by_number.get(order_id)
        confidence = order.request.confidence if order is not None else 0.0
        return {
            "account": self._sheet.account,
            "strategy": self._sheet.strategies[strategy],
            "symbol": self._sheet.instruments[instrument].symbol,
            "entry_order": self._client(order_id),
            "entry_reason": Reason(reason).name,
            "confidence_pct": confidence if confidence > 0.0 else None,
            "source": "person" if reason == Reason.MANUAL else "strategy",
            "submitted_ns": order.request.created_ns if order is not None else 0,
            "updated_ns": self._sheet.now_ns,
            "is_backfill": 0,
        }

    def _write_open(self, number: int, at: int) -> None:
        slot = self._slots[at]
        is_long = int(slot["entry_side"]) > 0
        units, value = ("bought", "bought_value") if is_long else ("sold", "sold_value")
        bought = float(slot[units])
        stop = int(slot["stop_order"])
        is_trailing = stop >= 0 and int(self._orders[stop]["type"]) == _TRAILING
        values = self._entry(
            int(slot["strategy"]), int(slot["instrument"]), int(slot["entry_reason"]), int(slot["entry_order_id"])
        )
        values |= _terms(slot)
        values |= {
            "side": _SIDES[int(slot["entry_side"])],
            "status": "OPEN",
            "quantity": decimal_text(float(slot["peak_quantity"])),
            "entry_price": decimal_text(float(slot[value]) / bought if bought else math.nan),
            "entered_ns": int(slot["entry_ns"]),
            "fees_micros": int(slot["trip_fees"]),
            "risk_micros": int(slot["trip_risk"]),
            "trailing_active": int(is_trailing),
            "trailing_pct": float(slot["trail_pct"]) or None,
        }
        self._sheet.put("round_trips", (number,), values)

    def _write_closed(self, number: int, trip: Any, slot: Any) -> None:
        row, pnl, risk = int(trip["instrument"]), int(trip["pnl"]), int(trip["risk"])
        item, quantity = self._sheet.instruments[row], float(trip["quantity"])
        money = quantity * item.multiplier * MICROS
        values = self._entry(int(trip["strategy"]), row, int(trip["entry_reason"]), int(trip["entry_order"]))
        if float(slot["quantity"]) == 0.0:  # else the next trip's terms stand there already
            values |= _terms(slot)
        values |= {
            "side": _SIDES[int(trip["side"])],
            "status": "CLOSED",
            "quantity": decimal_text(quantity),
            "entry_price": decimal_text(float(trip["entry_price"])),
            "exit_price": decimal_text(float(trip["exit_price"])),
            "exit_order": self._client(int(trip["exit_order"])),
            "exit_reason": Reason(int(trip["exit_reason"])).name,
            "outcome": "WIN" if pnl > 0 else "LOSS" if pnl < 0 else "FLAT",
            "entered_ns": int(trip["entry_ts_ns"]),
            "exited_ns": int(trip["exit_ts_ns"]),
            "pnl_micros": pnl,
            "fees_micros": int(trip["fees"]),
            "risk_micros": risk,
            "mae_micros": round(float(trip["mae"]) * money),
            "mfe_micros": round(float(trip["mfe"]) * money),
            "bars": int(trip["bars"]),
            "trailing_active": 0,
            "pnl_pct": share_pct(pnl, float(trip["entry_price"]) * money),
            "r_multiple": pnl / risk if risk else None,
        }
        self._sheet.put("round_trips", (number,), values)


def _terms(slot: Any) -> Values:
    """Return a position's protection and the prices it has seen."""
    return {
        "stop_price": _price(float(slot["stop_price"])),
        "target_price": _price(float(slot["target_price"])),
        "high_water": decimal_text(float(slot["high"])),
        "low_water": decimal_text(float(slot["low"])),
        "trailing_stop": _price(float(slot["trail_amount"])),
    }


def _price(value: float) -> str:
    return decimal_text(value) if value > 0.0 else ""


class Risk:
    """Writes ``risk_metrics``: after each round trip (basis ``trip``) and for each finished day (basis ``day``).

    Drawdown is measured from the highest equity at these moments; Sharpe is the mean of daily returns over their
    sample deviation, times the root of 252 (Sharpe 1994), None below two days.

    Args:
        sheet: takes the rows. holdings: knows the equity.
    """

    def __init__(self, sheet: Sheet, holdings: Holdings) -> None:
        self._sheet, self._holdings = sheet, holdings
        self._account = sheet.core.engine.state.tables["accounts"]
        self._won: list[int] = [0, 0]  # trips, micros
        self._lost: list[int] = [0, 0]
        self._trips = 0
        self._worst = self._worst_peak = 0
        self._last = sheet.cash_micros
        self._returns = [0.0, 0.0, 0.0]  # count, mean, sum of squared deviations
        self._days = 0

    def take_trip(self, number: int, pnl: int) -> None:
        """Count a closed round trip and write the figures after it."""
        self._trips += 1
        if pnl:
            side = self._won if pnl > 0 else self._lost
            side[0] += 1
            side[1] += pnl
        equity = self._holdings.equity
        gross, start = int(self._account[0]["gross"]), int(self._account[0]["day_start_equity"])
        self._write("trip", number, self._sheet.now_ns, equity, gross, equity - start)

    def take_days(self) -> None:
        """Write the figures of days that are over."""
        days = self._sheet.core.engine.tape.rows("days")
        while self._days < len(days) - 1:
            day = days[self._days]
            self._days += 1
            if not int(day["marks"]):
                continue
            equity = int(day["equity"])
            change = equity - self._last
            if self._last:
                count, mean, squares = self._returns
                step = change / self._last - mean
                mean += step / (count + 1)
                self._returns = [count + 1, mean, squares + step * (change / self._last - mean)]
            self._last = equity
            self._write("day", int(day["day"]), int(day["ts_ns"]), equity, int(day["gross"]), change)

    def _sharpe(self) -> float | None:
        count, mean, squares = self._returns
        if count < 2.0 or squares <= 0.0:
            return None
        return mean / math.sqrt(squares / (count - 1.0)) * math.sqrt(_DAYS_PER_YEAR)

    def _write(self, basis: str, mark: int, at_ns: int, equity: int, gross: int, daily: int) -> None:
        drawdown = self._holdings.drawdown
        if drawdown > self._worst:
            self._worst, self._worst_peak = drawdown, self._holdings.peak
        (won, gains), (lost, losses) = self._won, self._lost
        values: Values = {
            "at_ns": at_ns,
            "equity_micros": equity,
            "exposure_micros": gross,
            "daily_pnl_micros": daily,
            "cumulative_pnl_micros": equity - self._sheet.cash_micros,
            "max_drawdown_micros": self._worst,
            "trades": self._trips,
            "winning_trades": won,
            "losing_trades": lost,
            "average_win_micros": round(gains / won) if won else None,
            "average_loss_micros": round(losses / lost) if lost else None,
            "max_drawdown_pct": share_pct(self._worst, self._worst_peak),
            "sharpe_ratio": self._sharpe(),
            "win_rate_pct": share_pct(won, self._trips),
            "profit_factor": gains / -losses if losses else None,
        }
        self._sheet.put("risk_metrics", (basis, mark), values)
