"""Backtests: run, followed, cancelled, compared, kept. Workers of their own do the work."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundJob`

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from tidemill.model.people import Principal, Role, UserScope
from tidemill.services.access.audit import record
from tidemill.services.jobs.job import Job
from tidemill.services.jobs.known import known_strategies
from tidemill.services.library.custom import CustomWish
from tidemill.services.library.saved import SavedWish
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.backtests.answers import (
    CompareOut,
    DataSetsOut,
    HealthOut,
    JobOut,
    JobsOut,
    KnownStrategiesOut,
    ProgressOut,
    ResultOut,
)
from tidemill.web.backtests.schemas import BacktestIn, CompareIn, SaveIn
from tidemill.web.backtests.shapes import (
    compared,
    job_out,
    known_out,
    progress_events,
    progress_out,
    result_out,
)
from tidemill.web.custom_strategies.schemas import CustomOut
from tidemill.web.errors import ApiError
from tidemill.web.once import OnceRoute, renew_claim
from tidemill.web.parts import Parts, parts_of
from tidemill.web.strategies.schemas import SavedOut
from tidemill.web.times import iso_utc

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_WAIT_S = 120.0  # after that a waiting request is answered with the job
_LOOK_S = 0.1
_RENEWED = 200  # looks after which the right to do a request is taken anew
_STREAM_S, _STREAM_LOOK_S = 600.0, 0.25
_RUNS = 60  # a minute
_JobId = Annotated[str, Path(min_length=1, max_length=100)]
_HTML = {"content": {"text/html": {"schema": {"type": "string"}}}}
_EVENTS = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}


def _with(known: dict[str, Any], answers: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Return a rule whose documentation tells of more answers."""
    return {**known, "responses": {**known["responses"], **answers}}


def _find(request: Request, scope: Scope, job_id: _JobId) -> Job:
    return parts_of(request).research.backtests.get(scope, job_id)


FoundJob = Annotated[Job, Depends(_find)]


@router.post(
    "/run",
    response_model=ResultOut,
    **_with(rule(Role.TRADER, "self", errors=(404, 409), per_minute=_RUNS), {202: {"model": JobOut}}),
)
async def run_backtest(request: Request, caller: Caller, body: BacktestIn) -> Any:
    """Run a backtest and answer its figures; with wait=false, or when it takes longer than two minutes, its job."""
    if body.user_id is not None and body.user_id != caller.user_id:
        raise ApiError(422, "not_yourself", "userId must be your own number; leave it out.", field="body.userId")
    parts = parts_of(request)
    job = await run_in_threadpool(_submit, parts, caller, body)
    if body.wait:
        job = await _ended(request, caller.scope, parts, job)
    if job.status == "FAILED" and body.wait:
        raise ApiError(422, "backtest_failed", job.message, details={"job_id": job.id})
    if job.status == "CANCELLED" and body.wait:
        raise ApiError(409, "cancelled", f"The backtest {job.id} was cancelled.", details={"job_id": job.id})
    if job.status == "DONE":
        return result_out(job)
    return JSONResponse(job_out(job).model_dump(by_alias=True), 202, headers={"Location": f"/v1/backtests/{job.id}"})


def _submit(parts: Parts, caller: Principal, body: BacktestIn) -> Job:
    job = parts.research.backtests.submit(caller, body.strategy_wish(), body.wish())
    record(parts.database, caller, "backtest.run", job.id)
    return job


async def _ended(request: Request, scope: UserScope, parts: Parts, job: Job) -> Job:
    """Return a job once it is over, or when its caller has waited long enough or gone; no thread is held meanwhile."""
    for look in range(int(_WAIT_S / _LOOK_S)):
        if job.is_over or await request.is_disconnected():
            break
        if look % _RENEWED == _RENEWED - 1:
            await run_in_threadpool(renew_claim, request)
        await asyncio.sleep(_LOOK_S)
        job = await run_in_threadpool(parts.research.backtests.get, scope, job.id)
    return job


@router.get("", **rule(Role.VIEWER, "self"))
def list_backtests(
    request: Request,
    scope: Scope,
    status: Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"] | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> JobsOut:
    """Return one's backtests, newest first; of a status, if asked."""
    found = parts_of(request).research.backtests.list(scope, status=status or "", limit=limit, offset=offset)
    return JobsOut(backtests=[job_out(job) for job in found])


@router.get("/health", **rule(Role.VIEWER, "nothing"))
def get_health(request: Request) -> HealthOut:
    """Return how the service of backtests fares."""
    parts = parts_of(request)
    found = parts.research.backtests.health()
    return HealthOut(
        status="healthy",
        workers=found.workers,
        queued=found.queued,
        running=found.running,
        timestamp=iso_utc(parts.clock.now_ns()),
    )


@router.get("/strategies", **rule(Role.VIEWER, "nothing"))
def list_strategies() -> KnownStrategiesOut:
    """Return every strategy that can be tested, with its parameters."""
    return KnownStrategiesOut(strategies=[known_out(item) for item in known_strategies()])


@router.get("/data", **rule(Role.VIEWER, "nothing"))
def list_data(request: Request) -> DataSetsOut:
    """Return what a backtest may be run on."""
    names = list(parts_of(request).research.backtests.data_sets())
    return DataSetsOut(data_sets=names, is_sample_available=True, synthetic="SIMULATED")


@router.post("/compare", **rule(Role.VIEWER, "row", errors=(409,)))
def compare_backtests(request: Request, scope: Scope, body: CompareIn) -> CompareOut:
    """Return several finished backtests side by side."""
    backtests = parts_of(request).research.backtests
    jobs = [backtests.get(scope, job_id) for job_id in dict.fromkeys(body.ids)]
    for job in jobs:
        _check_done(job)
    return CompareOut(backtests=compared(jobs))


def _check_done(job: Job) -> None:
    if job.status != "DONE":
        sentence = f"The backtest {job.id} is {job.status}; its figures are there once it is DONE."
        raise ApiError(409, "not_now", sentence, details={"status": job.status, "message": job.message})


@router.get("/{job_id}", **rule(Role.VIEWER, "row"))
def get_backtest(found: FoundJob) -> JobOut:
    """Return a backtest as a job."""
    return job_out(found)


@router.get("/{job_id}/progress", **rule(Role.VIEWER, "row"))
def get_progress(found: FoundJob) -> ProgressOut:
    """Return how far a backtest is."""
    return progress_out(found)


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    **_with(rule(Role.VIEWER, "row", per_minute=_RUNS), {200: _EVENTS}),
)
async def follow_backtest(request: Request, scope: Scope, found: FoundJob) -> StreamingResponse:
    """Tell each change of a backtest until it is over, as server-sent events."""
    backtests = parts_of(request).research.backtests
    events = progress_events(found, lambda: backtests.get(scope, found.id), asyncio.sleep, _STREAM_LOOK_S, _STREAM_S)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.post("/{job_id}/cancel", **rule(Role.TRADER, "row"))
def cancel_backtest(request: Request, caller: Caller, found: FoundJob) -> JobOut:
    """End a backtest; one that is over stays as it is."""
    parts = parts_of(request)
    record(parts.database, caller, "backtest.cancel", found.id)
    return job_out(parts.research.backtests.cancel(caller.scope, found.id))


@router.get("/{job_id}/result", **rule(Role.VIEWER, "row", errors=(409,)))
def get_result(found: FoundJob) -> ResultOut:
    """Return the figures of a backtest."""
    _check_done(found)
    return result_out(found)


@router.get(
    "/{job_id}/document",
    response_class=FileResponse,
    **_with(rule(Role.VIEWER, "row", errors=(409,)), {200: {"content": {"application/json": {"schema": {}}}}}),
)
def get_document(request: Request, scope: Scope, found: FoundJob) -> FileResponse:
    """Return the whole result: the JSON file that ``tidemill backtest --json`` writes."""
    path = parts_of(request).research.backtests.result_file(scope, found.id)
    return FileResponse(path, media_type="application/json")


@router.get(
    "/{job_id}/report",
    response_class=FileResponse,
    **_with(rule(Role.VIEWER, "row", errors=(409,)), {200: _HTML}),
)
def get_report(request: Request, scope: Scope, found: FoundJob) -> FileResponse:
    """Return the report: one HTML page that needs nothing else and loads nothing."""
    path = parts_of(request).research.backtests.report_file(scope, found.id)
    return FileResponse(path, media_type="text/html", filename=f"{found.id}.html")


@router.post("/{job_id}/save", status_code=201, **rule(Role.TRADER, "row", errors=(409,)))
def save_strategy(request: Request, caller: Caller, found: FoundJob, body: SaveIn) -> SavedOut | CustomOut:
    """Keep a backtest's strategy under a name: with its figures, or as conditions where they were given inline."""
    _check_done(found)
    parts, asked = parts_of(request), found.asked
    record(parts.database, caller, "backtest.save", found.id, {"name": body.name})
    if asked["type"] == "custom" and not asked["strategy_id"]:
        sides = json.loads(asked["params"]["tree"])
        wish = CustomWish(
            body.name, body.description, sides["buy_conditions"], sides["sell_conditions"], is_public=body.is_public
        )
        return CustomOut.of(parts.research.custom.create(caller, wish), caller.user_id)
    config = {"customStrategyId": int(asked["strategy_id"])} if asked["type"] == "custom" else asked["params"]
    figures = compared([found])[0].model_dump(by_alias=True)
    saved = SavedWish(body.name, body.description, asked["type"], config, figures, is_public=body.is_public)
    return SavedOut.of(parts.research.saved.create(caller, saved), caller.user_id)
