"""Backtests as they are told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.concurrency import run_in_threadpool

from tidemill.authoring.registry import installed_strategies, load_strategy
from tidemill.authoring.strategy import StrategySpec
from tidemill.services.jobs.job import Job
from tidemill.web.backtests.schemas import (
    ComparedOut,
    JobOut,
    KnownStrategyOut,
    ParameterOut,
    ProgressOut,
    ResultOut,
)
from tidemill.web.times import iso_utc

__all__ = ["compared", "job_out", "known_strategies", "progress_events", "progress_out", "result_out"]

# The documented names, in their order, and what each is here.
_SOURCE_NAMES = {
    "meanReversion": "mean_reversion",
    "movingAverageCrossover": "moving_average_crossover",
    "momentum": "momentum",
    "bollingerBands": "bollinger_bands",
    "breakout": "breakout",
}
_TREES = "conditions"
_NO_NEWS = "There is no news with the time it was known, so sentiment cannot be tested on the past honestly."
_NUMBERED = "Named by customStrategyId, or given as buy_conditions and sell_conditions; PREMIUM and ENTERPRISE only."


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


def known_strategies() -> list[KnownStrategyOut]:
    """Return every strategy there is a name for, with its parameters; the documented names come first."""
    shipped = [name for name in installed_strategies() if name not in (_TREES, *_SOURCE_NAMES.values())]
    found = [_known(name, load_strategy(own)) for name, own in _SOURCE_NAMES.items()]
    found.append(_plain("sentimentAnalysis", "Sentiment of news.", is_available=False, message=_NO_NEWS))
    found.append(_plain("custom", "Conditions of one's own.", is_available=True, message=_NUMBERED))
    return found + [_known(name, load_strategy(name)) for name in shipped]


def _plain(name: str, title: str, *, is_available: bool, message: str) -> KnownStrategyOut:
    return KnownStrategyOut(name=name, title=title, is_available=is_available, message=message, parameters=[])


def _known(name: str, spec: StrategySpec) -> KnownStrategyOut:
    parameters = [
        ParameterOut(
            name=key,
            default=param.options[int(param.default)] if param.options else param.default,
            minimum=None if param.options else param.low,
            maximum=None if param.options else param.high,
            options=list(param.options),
            unit=param.unit,
            description=param.doc,
        )
        for key, param in spec.params.items()
        if param.is_number
    ]
    return KnownStrategyOut(name=name, title=spec.title, is_available=True, message="", parameters=parameters)


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
