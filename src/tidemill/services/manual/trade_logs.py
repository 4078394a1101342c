"""What people noted about their trades, kept true by the ledger: exit, result, multiple of the risk, outcome."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.service_tables import TRADE_LOGS
from tidemill.adapters.sql.tables import ORDERS
from tidemill.kernel.transitions import is_final
from tidemill.model.enums import OrderState
from tidemill.model.errors import AlreadyThere
from tidemill.model.instrument import infer_instrument
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock
from tidemill.services.fleet.facts import number, usd

__all__ = ["CSV_COLUMNS", "OUTCOMES", "Noted", "TradeLogs", "csv_text", "iso", "source_of"]

OUTCOMES = ("target", "stop", "manual_exit", "timeout", "cancelled", "partial", "error", "unknown")
_UNSETTLED = ("", "open")
_EXITS = {
    "TAKE_PROFIT": "target",
    "STOP_LOSS": "stop",
    "TRAILING_STOP": "stop",
    "TIME": "timeout",
    "MAX_BARS": "timeout",
    "SESSION_END": "timeout",
}
CSV_COLUMNS = (
    *("created_at", "symbol", "side", "qty", "entry_price", "stop_price", "target_price"),
    *("exit_price", "pnl_usd", "r_multiple", "outcome", "notes"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# What a client calls itself, and the source that means.
_SOURCES = (
    ("telegram", "telegram"),
    ("backfill", "backfill_script"),
    ("manual_json", "manual_json"),
    ("manual-json", "manual_json"),
    ("trade-cli", "cli"),
    ("tidemill-cli", "cli"),
    ("streamlit", "ui"),
    ("mozilla", "ui"),
    ("testclient", "test"),
    ("pytest", "test"),
)


def source_of(user_agent: str) -> str:
    """Return where an order came from, as the client's name tells it: ui, cli, manual_json, test, telegram, api."""
    plain = user_agent.lower()
    return next((source for part, source in _SOURCES if part in plain), "api")


@dataclass(frozen=True, slots=True)
class Noted:
    """A trade as somebody notes it.

    Args:
        order_id: of its entry; of a trade that was entered after the fact, an id of its own. run_id: empty of those.
        side: BUY or SELL. entered_ns: when it was entered, as they say; 0: when it fills.
        exit_price, exited_ns, outcome: of a trade that is over already.
    """

    order_id: str
    run_id: str
    symbol: str
    side: str
    quantity: float
    source: str
    entry_price: float | None = None
    stop_price: float | None = None
    target_price: float | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""
    entered_ns: int = 0
    is_backfill: bool = False
    exit_price: float | None = None
    exited_ns: int = 0
    outcome: str = ""


class TradeLogs:
    """Trade logs of everybody; each call sees those of one.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def note(self, scope: UserScope, noted: Noted) -> None:
        """Write a trade down, once."""
        now = self._clock.now_ns()
        pnl, multiple = _result(noted)
        values = {
            "order_id": noted.order_id,
            "run_id": noted.run_id,
            "symbol": noted.symbol,
            "side": noted.side,
            "outcome": noted.outcome or ("unknown" if noted.is_backfill and not noted.run_id else ""),
            "source": noted.source,
            "features_json": json.dumps(noted.features, sort_keys=True),
            "notes": noted.notes,
            "model_version": "",
            "user_id": scope.user_id,
            "created_ns": now,
            "submitted_ns": now,
            "entered_ns": noted.entered_ns,
            "exited_ns": noted.exited_ns,
            "is_backfill": int(noted.is_backfill),
            "quantity": noted.quantity,
            "entry_price": noted.entry_price,
            "stop_price": noted.stop_price,
            "target_price": noted.target_price,
            "exit_price": noted.exit_price,
            "pnl_usd": pnl,
            "r_multiple": multiple,
            "model_score_ratio": None,
        }
        try:
            with self._database.write() as writing:
                writing.run(insert(TRADE_LOGS).values(values))
        except AlreadyThere:
            return  # the same request came twice at once

    def page(self, scope: UserScope, limit: int, offset: int = 0, symbol: str = "") -> Sequence[Row]:
        """Return somebody's trades, newest first, as the ledger has them now."""
        self.settle(scope)
        table = TRADE_LOGS
        statement = select(table).where(table.c.user_id == scope.user_id)
        if symbol:
            statement = statement.where(table.c.symbol == symbol)
        order = (table.c.created_ns.desc(), table.c.order_id.desc())
        return self._database.rows(statement.order_by(*order).limit(limit).offset(offset))

    def of_order(self, scope: UserScope, order_id: str) -> Row | None:
        """Return what was noted with an order."""
        self.settle(scope)
        return self._database.row(
            select(TRADE_LOGS).where(TRADE_LOGS.c.order_id == order_id, TRADE_LOGS.c.user_id == scope.user_id)
        )

    def settle(self, scope: UserScope) -> None:
        """Bring what is not over yet up to the ledger."""
        table, trips = TRADE_LOGS, READ_TABLES["round_trips"]
        unsettled = self._database.rows(
            select(table).where(table.c.user_id == scope.user_id, table.c.run_id != "", table.c.outcome.in_(_UNSETTLED))
        )
        if not unsettled:
            return
        ids = [row["order_id"] for row in unsettled]
        runs = sorted({row["run_id"] for row in unsettled})
        found = {
            row["entry_order"]: row
            for row in self._database.rows(
                select(trips).where(trips.c.run_id.in_(runs), trips.c.entry_order.in_(ids)).order_by(trips.c.number)
            )
        }
        orders = {
            row["client_id"]: row for row in self._database.rows(select(ORDERS).where(ORDERS.c.client_id.in_(ids)))
        }
        changes = [
            (row["order_id"], values)
            for row in unsettled
            if (values := _settled(row, found.get(row["order_id"]), orders.get(row["order_id"])))
        ]
        if changes:
            with self._database.write() as writing:
                for order_id, values in changes:
                    mine = (table.c.order_id == order_id, table.c.user_id == scope.user_id)
                    writing.run(update(table).where(*mine).values(values))


def _settled(log: Row, trip: Row | None, order: Row | None) -> dict[str, Any]:
    """Return what of a log the ledger says otherwise."""
    if trip is None:
        state = OrderState[order["state"]] if order is not None else OrderState.NONE
        if not is_final(state) or (order is not None and number(order["filled"])):
            return {}
        is_error = state in {OrderState.REJECTED, OrderState.DENIED}
        return {"outcome": "error" if is_error else "cancelled"}
    values: dict[str, Any] = {
        "entry_price": number(trip["entry_price"]),
        "quantity": number(trip["quantity"]) or log["quantity"],
        "entered_ns": log["entered_ns"] or trip["entered_ns"],
        "outcome": "open",
    }
    if trip["status"] == "CLOSED":
        values |= {
            "exit_price": number(trip["exit_price"]),
            "exited_ns": trip["exited_ns"] or 0,
            "pnl_usd": usd(trip["pnl_micros"]),
            "r_multiple": _multiple(log["side"], values["entry_price"], number(trip["exit_price"]), log["stop_price"]),
            "outcome": _EXITS.get(trip["exit_reason"] or "", "manual_exit"),
        }
    return {name: value for name, value in values.items() if log[name] != value}


def _direction(side: str) -> float:
    return 1.0 if side == "BUY" else -1.0


def _multiple(side: str, entry: float | None, left: float | None, stop: float | None) -> float | None:
    """Return the result in multiples of the risk: points won over points between entry and stop."""
    if entry is None or left is None or stop is None or entry == stop:
        return None
    return round((left - entry) * _direction(side) / abs(entry - stop), 4)


def _result(noted: Noted) -> tuple[float | None, float | None]:
    """Return result in USD, contract size included, and multiple of the risk, of a trade that is over."""
    if noted.entry_price is None or noted.exit_price is None:
        return None, None
    points = (noted.exit_price - noted.entry_price) * _direction(noted.side)
    pnl = round(points * noted.quantity * infer_instrument(noted.symbol).multiplier, 2)
    return pnl, _multiple(noted.side, noted.entry_price, noted.exit_price, noted.stop_price)


def csv_text(rows: Sequence[Row]) -> str:
    """Return trades as CSV; text that a spreadsheet would take for a formula is led by a quote."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        prices = [row[name] for name in ("entry_price", "stop_price", "target_price", "exit_price", "pnl_usd")]
        texts = [_cell(row["symbol"]), row["side"], row["quantity"], *prices, row["r_multiple"]]
        writer.writerow([iso(row["created_ns"]), *texts, _cell(row["outcome"]), _cell(row["notes"])])
    return out.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def iso(ts_ns: int) -> str:
    """Return UTC nanoseconds as ISO text, empty for none."""
    return f"{_stamp(ts_ns)}Z" if ts_ns else ""


def _stamp(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
