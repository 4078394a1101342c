"""What is said about runs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tidemill.services.fleet.runs import OwnedRun
from tidemill.web.times import iso_utc
from tidemill.web.wishes import STRICT

__all__ = [
    "EquityOut",
    "EquityPoint",
    "ParityOut",
    "RunDetailOut",
    "RunOut",
    "RunsOut",
    "TapeOut",
    "TickAnswer",
    "TickIn",
    "TicksIn",
    "TicksOut",
    "WhyOut",
]


class RunOut(BaseModel):
    """A run."""

    run_id: str
    agent_id: str
    face: str = Field(description="agent, live_strategy, session or manual.")
    version: int
    mode: str
    wanted: str
    status: str = Field(description="STARTING, RUNNING, PAUSED, STOPPED, COMPLETED or ERROR.")
    message: str
    account: str
    is_active: bool
    started_at: str
    ended_at: str | None

    @classmethod
    def of(cls, run: OwnedRun) -> RunOut:
        """Return a run as it is told."""
        return cls(
            run_id=run.run_id,
            agent_id=run.agent_id,
            face=run.face,
            version=run.version,
            mode=run.mode,
            wanted=run.wanted,
            status=run.status,
            message=run.message,
            account=run.account,
            is_active=run.is_active,
            started_at=iso_utc(run.started_ns),
            ended_at=iso_utc(run.ended_ns) if run.ended_ns else None,
        )


class RunsOut(BaseModel):
    """Runs, newest first."""

    runs: list[RunOut]


class RunDetailOut(BaseModel):
    """A run and how it fares."""

    run: RunOut
    symbols: list[str]
    feed: str
    build: str | None = Field(description="Version of Tidemill that began it; null before it began.")
    cash: float
    equity: float
    daily_pnl: float
    total_pnl: float
    exposure: float
    open_trades: int
    events: int
    bars: int
    orders: int
    fills: int
    seen_at: str | None = Field(description="Last sign of life of its engine.")


class EquityPoint(BaseModel):
    """Equity at one moment."""

    at: str
    equity: float
    cash: float
    exposure: float


class EquityOut(BaseModel):
    """Equity over time, oldest first."""

    points: list[EquityPoint]


class TapeOut(BaseModel):
    """What the tape of a run holds."""

    run_id: str
    has_record: bool
    last_seq: int
    last_hash: str


class WhyOut(BaseModel):
    """One bar of a run explained."""

    report: dict[str, Any]


class ParityOut(BaseModel):
    """Whether a fresh core decides as the run did."""

    report: dict[str, Any]


class TickIn(BaseModel):
    """One trade print."""

    model_config = STRICT

    symbol: str = Field(min_length=1, max_length=24)
    price: float = Field(gt=0.0, le=1e9)
    size: float = Field(default=0.0, ge=0.0, le=1e12)
    ts_ns: int = Field(default=0, ge=0, lt=1 << 63, description="UTC nanoseconds; 0: now.")


class TicksIn(BaseModel):
    """Trade prints, oldest first."""

    model_config = STRICT

    ticks: Annotated[list[TickIn], Field(min_length=1, max_length=100)]


class TickAnswer(BaseModel):
    """What a run made of a tick."""

    run_id: str
    symbol: str
    state: str = Field(description="DONE, REFUSED, or NEW while nobody has answered.")
    message: str


class TicksOut(BaseModel):
    """What became of ticks."""

    accepted: int
    answers: list[TickAnswer]
