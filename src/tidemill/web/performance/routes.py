"""Performance: of backtests and of runs that are over, by name, by number, over time."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from tidemill.model.people import Role, UserScope
from tidemill.services.access.audit import record
from tidemill.services.performance.analytics import grouped, since, totals
from tidemill.services.performance.records import Performance
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.parts import parts_of
from tidemill.web.performance.schemas import (
    AnalyticsOut,
    GroupOut,
    OverviewOut,
    PerformanceListOut,
    PerformanceOut,
    RecordOut,
    TotalsOut,
)
from tidemill.web.times import iso_utc

__all__ = ["router"]

router = APIRouter()

_Number = Annotated[int, Path(ge=1, lt=1 << 63)]
_Limit = Annotated[int, Query(ge=1, le=1_000)]
_Offset = Annotated[int, Query(ge=0, le=1_000_000)]
_Type = Annotated[Literal["backtest", "live", "BACKTEST", "LIVE", "LIVE_TRADING"] | None, Query()]
_Filter = Annotated[str | None, Query(min_length=1, max_length=100)]
_Named = Annotated[str, Path(min_length=1, max_length=100)]
_MOST = 10_000  # records of one stretch of time


def _records(request: Request, scope: UserScope) -> Performance:
    """Return the records of somebody, those of runs that are over among them."""
    research = parts_of(request).research
    research.live_records.settle(scope)
    return research.performance


def _kind(execution_type: str | None) -> str:
    return (execution_type or "").lower().removesuffix("_trading")


@router.get("/overview", **rule(Role.VIEWER, "self"))
def get_overview(
    request: Request,
    scope: Scope,
    execution_type: _Type = None,
    strategy_type: _Filter = None,
    limit: _Limit = 50,
    offset: _Offset = 0,
) -> OverviewOut:
    """Return the newest records and what they add up to."""
    found = _records(request, scope).list(
        scope, execution=_kind(execution_type), strategy_type=strategy_type or "", limit=limit, offset=offset
    )
    return OverviewOut(
        performances=[RecordOut.of(item) for item in found], summary=TotalsOut.model_validate(totals(found))
    )


@router.get("/analytics", **rule(Role.VIEWER, "self"))
def get_analytics(
    request: Request,
    scope: Scope,
    timeframe: Literal["7d", "30d", "90d", "1y"] = "30d",
    execution_type: _Type = None,
) -> AnalyticsOut:
    """Return what the records of a stretch of time add up to: in all, by strategy, by type, by day."""
    start = since(timeframe, parts_of(request).clock.now_ns())
    found = _records(request, scope).list(scope, execution=_kind(execution_type), since_ns=start, limit=_MOST)
    days = [{**item, "day": iso_utc(item["created_ns"])[:10]} for item in found]
    return AnalyticsOut(
        timeframe=timeframe,
        since=iso_utc(start),
        summary=TotalsOut.model_validate(totals(found)),
        by_strategy=[GroupOut(name=name, **item) for name, item in grouped(found, "strategy_name")],
        by_execution_type=[GroupOut(name=name, **item) for name, item in grouped(found, "execution_type")],
        by_day=[GroupOut(name=name, **item) for name, item in grouped(days, "day")],
    )


@router.get("/strategy/{strategy_name}", **rule(Role.VIEWER, "self"))
def list_by_name(
    request: Request, scope: Scope, strategy_name: _Named, limit: _Limit = 50, offset: _Offset = 0
) -> PerformanceListOut:
    """Return one's records of a strategy by its name; none are none, not an error."""
    found = _records(request, scope).list(scope, strategy_name=strategy_name, limit=limit, offset=offset)
    return PerformanceListOut(
        performances=[RecordOut.of(item) for item in found], summary=TotalsOut.model_validate(totals(found))
    )


@router.get("/strategy-id/{strategy_id}", **rule(Role.VIEWER, "self"))
def list_by_number(
    request: Request, scope: Scope, strategy_id: _Number, limit: _Limit = 50, offset: _Offset = 0
) -> PerformanceListOut:
    """Return one's records of a custom, kept or live strategy by its number."""
    found = _records(request, scope).list(scope, strategy_id=str(strategy_id), limit=limit, offset=offset)
    return PerformanceListOut(
        performances=[RecordOut.of(item) for item in found], summary=TotalsOut.model_validate(totals(found))
    )


@router.get("/{performance_id}", **rule(Role.VIEWER, "row"))
def get_performance(request: Request, scope: Scope, performance_id: _Number) -> PerformanceOut:
    """Return one record with its trades and its history."""
    return PerformanceOut.of(parts_of(request).research.performance.get(scope, performance_id))


@router.delete("/{performance_id}", status_code=204, **rule(Role.TRADER, "row"))
def delete_performance(request: Request, caller: Caller, performance_id: _Number) -> Response:
    """Take away one's own record; it does not come back."""
    parts = parts_of(request)
    parts.research.performance.delete(caller.scope, performance_id)
    record(parts.database, caller, "performance.delete", str(performance_id))
    return Response(status_code=204)
