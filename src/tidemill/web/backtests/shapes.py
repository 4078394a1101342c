"""Backtests as they are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.concurrency import run_in_threadpool

from tidemill.services.jobs.job import Job
from tidemill.services.jobs.known import Known
from tidemill.web.backtests.answers import ComparedOut, JobOut, KnownStrategyOut, ParameterOut, ProgressOut, ResultOut
from tidemill.web.times import iso_utc

__all__ = ["compared", "job_out", "known_out", "progress_events", "progress_out", "result_out"]


def job_out(job: Job) -> JobOut:
    """Return a job with what was asked for."""
    asked = job.asked
    return JobOut(
        id=job.id,
        status=job.status,  # type: ignore[arg-type]  # the table allows no other
        progress=job.progress,
        message=job.message,
        strategy=asked["name"],
        symbols=asked["symbols"],
        start_date=asked["start"] or None,
        end_date=asked["end"] or None,
        initial_capital=asked["cash"],
        feed="SIMULATED" if asked["data"]["kind"] == "synthetic" else asked["data"]["kind"],
        bars=job.bars,
        body_hash=job.body_hash,
        performance_id=job.performance_id or None,
        created_at=iso_utc(job.created_ns),
        started_at=iso_utc(job.started_ns) if job.started_ns else None,
        ended_at=iso_utc(job.ended_ns) if job.ended_ns else None,
    )


def progress_out(job: Job) -> ProgressOut:
    """Return how far a job is."""
    return ProgressOut(id=job.id, status=job.status, progress=job.progress, message=job.message)  # type: ignore[arg-type]  # as above


def result_out(job: Job) -> ResultOut:
    """Return the figures of a job that is done."""
    return ResultOut(job_id=job.id, performance_id=job.performance_id, **job.summary)


def compared(jobs: list[Job]) -> list[ComparedOut]:
    """Return the figures of several jobs side by side."""
    found = [job.summary for job in jobs]
    first = _span(found[0])
    return [
        ComparedOut.model_validate({**summary, "job_id": job.id, "is_same_span": _span(summary) == first})
        for job, summary in zip(jobs, found, strict=True)
    ]


def _span(summary: dict[str, object]) -> tuple[object, ...]:
    return summary["start_date"], summary["end_date"], summary["symbols"]


def known_out(found: Known) -> KnownStrategyOut:
    """Return a strategy there is a name for."""
    parameters = [
        ParameterOut(
            name=item.name,
            default=item.default,
            minimum=item.minimum,
            maximum=item.maximum,
            options=list(item.options),
            unit=item.unit,
            description=item.doc,
        )
        for item in found.parameters
    ]
    return KnownStrategyOut(
        name=found.name,
        title=found.title,
        is_available=found.is_available,
        message=found.message,
        parameters=parameters,
    )


async def progress_events(
    job: Job, look: Callable[[], Job], pause: Callable[[float], Awaitable[None]], every_s: float, longest_s: float
) -> AsyncIterator[str]:
    """Tell each change of a job until it is over, as server-sent events; a comment keeps the line open meanwhile.

    Args:
        job: as it stands. look: reads it again. pause: waits. every_s, longest_s: seconds between looks, and in all.
    """
    told = ""
    for _ in range(int(longest_s / every_s)):
        text = json.dumps(progress_out(job).model_dump())
        yield f"event: progress\ndata: {text}\n\n" if text != told else ": waiting\n\n"
        told = text
        if job.is_over:
            yield f"event: end\ndata: {text}\n\n"
            return
        await pause(every_s)
        job = await run_in_threadpool(look)
