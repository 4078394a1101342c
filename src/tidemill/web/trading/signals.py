"""Signals from outside: each goes through the guardrails and becomes an order or a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.services.manual.signals import Signal
from tidemill.services.manual.trade_logs import source_of
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.parts import parts_of
from tidemill.web.times import iso_utc
from tidemill.web.trading.once import Key, answer_once
from tidemill.web.trading.order_answers import STATUSES
from tidemill.web.trading.order_schemas import Account, Features, ModeIn, Price, Quantity, Symbol
from tidemill.web.trading.orders import Agent
from tidemill.web.wishes import STRICT

__all__ = ["router"]

router = APIRouter()

_OFTEN = 6_000
_OTHER_NAMES = {"LONG": "BUY", "SHORT": "SELL", "EXIT_LONG": "CLOSE_LONG", "EXIT_SHORT": "CLOSE_SHORT"}


def _kind(value: object) -> object:
    plain = value.strip().upper() if isinstance(value, str) else value
    return _OTHER_NAMES.get(plain, plain) if isinstance(plain, str) else plain


class SignalIn(BaseModel):
    """A signal."""

    model_config = STRICT

    signal_type: Annotated[
        Literal["BUY", "SELL", "CLOSE_LONG", "CLOSE_SHORT", "HOLD"], BeforeValidator(_kind, json_schema_input_type=str)
    ] = Field(examples=["BUY"])
    symbol: Symbol = Field(examples=["AAPL"])
    quantity: Quantity = Field(examples=[100], validation_alias=AliasChoices("quantity", "qty"))
    price: Price | None = Field(default=None, description="Limit; left out: at market.")
    confidence: float | None = Field(default=None, ge=0.0, le=1.0)
    stop_loss: Price | None = Field(default=None, validation_alias=AliasChoices("stop_loss", "stop_price", "stop"))
    take_profit: Price | None = Field(
        default=None, validation_alias=AliasChoices("take_profit", "target_price", "target")
    )
    expected_mode: ModeIn | None = None
    account: Account | None = None
    metadata: Features = Field(default_factory=dict)


class SignalOut(BaseModel):
    """What became of a signal."""

    signal_id: str
    status: str = Field(description="ORDERED, HELD; what is refused is answered as an error and written down.")
    order_id: str | None
    order_status: str | None
    message: str


class SignalRow(BaseModel):
    """A signal that came."""

    signal_id: str
    at: str
    symbol: str
    signal_type: str
    status: str = Field(description="ORDERED, REJECTED or HELD.")
    reason: str
    order_id: str | None


class SignalStatusOut(BaseModel):
    """How signals fared."""

    total: int
    ordered: int
    rejected: int
    held: int
    last_signal_at: str | None
    recent: list[SignalRow]


@router.post(
    "", status_code=201, response_model=SignalOut, **rule(Role.TRADER, "self", errors=(409, 423), per_minute=_OFTEN)
)
def take_signal(
    request: Request, caller: Caller, body: SignalIn, key: Key = None, user_agent: Agent = None
) -> JSONResponse:
    """Take a signal: guardrails, then an order on one's desk; the same Idempotency-Key does it once."""
    parts = parts_of(request)
    signal = Signal(
        **body.model_dump(exclude={"expected_mode", "account"}),
        source=source_of(user_agent or ""),
        account=body.account or "",
        expected_mode=(body.expected_mode or "").lower(),
    )

    def do() -> tuple[SignalOut, bool]:
        judged = parts.manual.signals.take(caller, signal, key or "")
        record(parts.database, caller, "signal.take", judged.id, {"status": judged.status})
        placed = judged.placed
        answer = SignalOut(
            signal_id=judged.id,
            status=judged.status,
            order_id=(placed.order_id or None) if placed else None,
            order_status=STATUSES.get(placed.state, "PENDING") if placed else None,
            message=judged.reason,
        )
        return answer, placed is None or bool(placed.order_id)

    return answer_once(parts.manual.once, caller.scope, "POST /v1/signal", key, body, do)


@router.get("/status", **rule(Role.VIEWER, "self"))
def signal_status(request: Request, scope: Scope, limit: Annotated[int, Query(ge=1, le=1_000)] = 20) -> SignalStatusOut:
    """Return how many signals became what, and the newest of them."""
    signals = parts_of(request).manual.signals
    counts, rows = signals.counts(scope), signals.recent(scope, limit)
    return SignalStatusOut(
        total=sum(counts.values()),
        ordered=counts.get("ORDERED", 0),
        rejected=counts.get("REJECTED", 0),
        held=counts.get("HELD", 0),
        last_signal_at=iso_utc(rows[0]["at_ns"]) if rows else None,
        recent=[_row(row) for row in rows],
    )


def _row(row: Mapping[Any, Any]) -> SignalRow:
    values: dict[str, Any] = {name: row[name] for name in ("symbol", "signal_type", "status", "reason")}
    return SignalRow(signal_id=row["id"], at=iso_utc(row["at_ns"]), order_id=row["client_id"] or None, **values)
