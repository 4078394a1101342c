"""One's own orders, fills and activity as CSV: ``/v1/export``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from tidemill.model.people import Role, UserScope
from tidemill.web.access import Scope, rule
from tidemill.web.parts import parts_of

__all__ = ["router"]

router = APIRouter()
_Limit = Annotated[int, Query(ge=1, le=100_000)]
_SELDOM = 30


def _file(request: Request, scope: UserScope, name: str, limit: int) -> StreamingResponse:
    pages = parts_of(request).operations.exports.text(scope, name, limit)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(pages, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/orders.csv", response_class=StreamingResponse, **rule(Role.VIEWER, "self", per_minute=_SELDOM))
def export_orders(request: Request, scope: Scope, limit: _Limit = 10_000) -> StreamingResponse:
    """Return one's newest orders as a file; texts that a spreadsheet would calculate are quoted."""
    return _file(request, scope, "orders", limit)


@router.get("/fills.csv", response_class=StreamingResponse, **rule(Role.VIEWER, "self", per_minute=_SELDOM))
def export_fills(request: Request, scope: Scope, limit: _Limit = 10_000) -> StreamingResponse:
    """Return one's newest fills as a file; texts as of orders."""
    return _file(request, scope, "fills", limit)


@router.get("/activity.csv", response_class=StreamingResponse, **rule(Role.VIEWER, "self", per_minute=_SELDOM))
def export_activity(request: Request, scope: Scope, limit: _Limit = 10_000) -> StreamingResponse:
    """Return what happened to one's runs as a file; texts as of orders."""
    return _file(request, scope, "activity", limit)
