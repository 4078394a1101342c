"""Orders and fills of the record as trading by hand tells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from tidemill.services.fleet.facts import number, usd
from tidemill.services.manual.wanted import Placed, Wanted
from tidemill.web.times import iso_utc

__all__ = ["STATUSES", "FillOut", "FillsOut", "FlattenOut", "OrderOut", "OrdersOut", "StatusOut"]

# Each state of the engine, and the source's word for it.
STATUSES = {
    "NONE": "PENDING",
    "CREATED": "PENDING",
    "APPROVED": "PENDING",
    "SENDING": "PENDING",
    "UNKNOWN": "PENDING",
    "HELD": "PENDING",
    "WORKING": "SUBMITTED",
    "CANCEL_PENDING": "SUBMITTED",
    "REPLACE_PENDING": "SUBMITTED",
    "PARTIAL": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELED": "CANCELLED",
    "REJECTED": "REJECTED",
    "DENIED": "REJECTED",
    "ABSENT": "REJECTED",
    "EXPIRED": "EXPIRED",
}
_RECORDED = "RECORDED"
_PAST = "A trade of the past: written down; nothing was traded for it."


def _price(text: Any) -> float | None:
    value = number(str(text)) if text else None
    return value if value is not None and value > 0.0 else None


def _when(ts_ns: int | None) -> str | None:
    return iso_utc(ts_ns) if ts_ns else None


class OrderOut(BaseModel):
    """An order as it stands."""

    order_id: str
    run_id: str
    account: str
    mode: str = "PAPER"
    paper: bool = True
    symbol: str
    side: str = Field(description="BUY or SELL.")
    quantity: float
    order_type: str = Field(description="MARKET, LIMIT, STOP, STOP_LIMIT.")
    price: float | None = Field(description="Limit.")
    trigger_price: float | None
    stop_price: float | None = Field(description="Protective stop of the trade.")
    target_price: float | None
    time_in_force: str
    status: str = Field(
        description="PENDING, SUBMITTED, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED, EXPIRED; RECORDED: a trade of "
        "the past that was only written down."
    )
    state: str = Field(description="The same in the engine's words.")
    intent: str = Field(description="ENTRY, EXIT or PROTECT.")
    filled_quantity: float
    average_price: float | None
    message: str
    is_backfill: bool = False
    source: str = ""
    notes: str = ""
    features: dict[str, Any] = Field(default_factory=dict)
    created_at: str
    updated_at: str
    entered_at: str | None = None

    @classmethod
    def of(cls, row: Mapping[Any, Any], account: str, log: Mapping[Any, Any] | None = None) -> OrderOut:
        """Return an order of the record, with what was noted about it."""
        noted = _noted(log) if log is not None else {"stop_price": None, "target_price": None}
        return cls(
            order_id=row["client_id"],
            run_id=row["run_id"],
            account=account,
            symbol=row["symbol"],
            side=row["side"],
            quantity=number(row["quantity"]) or 0.0,
            order_type=row["type"],
            price=_price(row["limit_price"]),
            trigger_price=_price(row["stop_price"]),
            time_in_force=row["tif"],
            status=STATUSES.get(row["state"], "PENDING"),
            state=row["state"],
            intent=row["intent"],
            filled_quantity=number(row["filled"]) or 0.0,
            average_price=_price(row["average_price"]),
            message=row["text"],
            created_at=iso_utc(row["created_ns"]),
            updated_at=iso_utc(row["updated_ns"]),
            **noted,
        )

    @classmethod
    def of_the_past(cls, log: Mapping[Any, Any]) -> OrderOut:
        """Return a trade of the past that was only written down."""
        return cls(
            order_id=log["order_id"],
            run_id="",
            account="",
            symbol=log["symbol"],
            side=log["side"],
            quantity=log["quantity"],
            order_type="LIMIT" if log["entry_price"] else "MARKET",
            price=log["entry_price"],
            trigger_price=None,
            time_in_force="GTC",
            status=_RECORDED,
            state=_RECORDED,
            intent="ENTRY",
            filled_quantity=0.0,
            average_price=None,
            message=_PAST,
            is_backfill=True,
            created_at=iso_utc(log["created_ns"]),
            updated_at=iso_utc(log["created_ns"]),
            **_noted(log),
        )

    @classmethod
    def of_unanswered(cls, placed: Placed, wanted: Wanted, account: str, now_ns: int) -> OrderOut:
        """Return an order that no engine has answered yet."""
        return cls(
            order_id=placed.order_id,
            run_id=placed.run_id,
            account=account,
            symbol=wanted.symbol.upper(),
            side=wanted.side.upper(),
            quantity=wanted.quantity,
            order_type="STOP" if wanted.trigger_price else "LIMIT" if wanted.price else "MARKET",
            price=wanted.limit_price or wanted.entry,
            trigger_price=wanted.trigger_price,
            stop_price=wanted.stop_loss,
            target_price=wanted.take_profit,
            time_in_force=wanted.time_in_force.upper(),
            status="PENDING",
            state=placed.state,
            intent="ENTRY",
            filled_quantity=0.0,
            average_price=None,
            message=placed.message,
            source=wanted.source,
            notes=wanted.notes,
            features=dict(wanted.features),
            created_at=iso_utc(now_ns),
            updated_at=iso_utc(now_ns),
            entered_at=_when(wanted.entered_ns),
        )


def _noted(log: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "stop_price": log["stop_price"],
        "target_price": log["target_price"],
        "source": log["source"],
        "notes": log["notes"],
        "features": json.loads(log["features_json"]),
        "entered_at": _when(log["entered_ns"]),
    }


class OrdersOut(BaseModel):
    """Orders, newest first."""

    orders: list[OrderOut]
    next_cursor: str | None


class StatusOut(BaseModel):
    """Where an order stands."""

    order_id: str
    status: str
    state: str
    filled_quantity: float
    average_price: float | None
    message: str

    @classmethod
    def of(cls, row: Mapping[Any, Any] | None, log: Mapping[Any, Any] | None) -> StatusOut:
        """Return where an order stands, or that it was only written down."""
        if row is None:
            order_id = str(log["order_id"]) if log is not None else ""
            told = {"status": _RECORDED, "state": _RECORDED, "message": _PAST}
            return cls(order_id=order_id, filled_quantity=0.0, average_price=None, **told)
        return cls(
            order_id=row["client_id"],
            status=STATUSES.get(row["state"], "PENDING"),
            state=row["state"],
            filled_quantity=number(row["filled"]) or 0.0,
            average_price=_price(row["average_price"]),
            message=row["text"],
        )


class FillOut(BaseModel):
    """One fill."""

    fill_id: str
    order_id: str
    run_id: str
    symbol: str
    side: str
    quantity: float
    price: float
    fee: float
    at: str
    kind: str

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> FillOut:
        """Return a fill of the record."""
        return cls(
            fill_id=row["exec_id"],
            order_id=row["client_id"],
            run_id=row["run_id"],
            symbol=row["symbol"],
            side=row["side"],
            quantity=number(row["quantity"]) or 0.0,
            price=number(row["price"]) or 0.0,
            fee=usd(row["fee_micros"]),
            at=iso_utc(row["ts_ns"]),
            kind=row["kind"],
        )


class FillsOut(BaseModel):
    """Fills, newest first."""

    fills: list[FillOut]


class FlattenOut(BaseModel):
    """What was closed."""

    cancelled: list[str] = Field(description="Entries whose cancel was asked for.")
    closing: list[str] = Field(description="Symbols whose position is being closed.")
    messages: list[str]
