"""Trade logs: what people noted, kept true by the ledger; as JSON and as a table for spreadsheets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from tidemill.model.people import Role
from tidemill.services.manual.trade_logs import csv_text, iso
from tidemill.web.access import Scope, rule
from tidemill.web.parts import parts_of

__all__ = ["export_router", "router"]

router = APIRouter()
export_router = APIRouter()

_HEAVY = 60  # a minute


class TradeLogOut(BaseModel):
    """One trade as it was noted and as it went."""

    order_id: str
    run_id: str | None
    symbol: str
    side: str
    qty: float
    entry_price: float | None
    stop_price: float | None
    target_price: float | None
    exit_price: float | None
    pnl_usd: float | None
    r_multiple: float | None
    outcome: str
    source: str
    is_backfill: bool
    features: dict[str, Any]
    notes: str
    model_score: float | None
    model_version: str | None
    created_at: str
    submitted_at: str
    entered_at: str | None
    exited_at: str | None


class TradeLogsOut(BaseModel):
    """Trades, newest first."""

    trades: list[TradeLogOut]


def _out(row: Mapping[Any, Any]) -> TradeLogOut:
    prices = ("entry_price", "stop_price", "target_price", "exit_price", "pnl_usd", "r_multiple")
    same = ("order_id", "symbol", "side", "source", "notes", *prices)
    return TradeLogOut(
        **{name: row[name] for name in same},
        run_id=row["run_id"] or None,
        qty=row["quantity"],
        outcome=row["outcome"] or "open",
        is_backfill=bool(row["is_backfill"]),
        features=json.loads(row["features_json"]),
        model_score=row["model_score_ratio"],
        model_version=row["model_version"] or None,
        created_at=iso(row["created_ns"]),
        submitted_at=iso(row["submitted_ns"]),
        entered_at=iso(row["entered_ns"]) or None,
        exited_at=iso(row["exited_ns"]) or None,
    )


@router.get("/trades", **rule(Role.VIEWER, "self"))
def list_trades(
    request: Request,
    scope: Scope,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    symbol: Annotated[str | None, Query(min_length=1, max_length=24)] = None,
) -> TradeLogsOut:
    """Return one's trades, newest first; those still open say so."""
    rows = parts_of(request).manual.logs.page(scope, limit, offset, (symbol or "").upper())
    return TradeLogsOut(trades=[_out(row) for row in rows])


@export_router.get(
    "/trades.csv",
    response_class=Response,
    **rule(Role.VIEWER, "self", per_minute=_HEAVY),
)
def export_trades(request: Request, scope: Scope, limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000) -> Response:
    """Return one's trades as CSV of twelve columns; text that looks like a formula is led by a quote."""
    text = csv_text(parts_of(request).manual.logs.page(scope, limit))
    headers = {"Content-Disposition": 'attachment; filename="trades.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
