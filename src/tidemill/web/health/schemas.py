"""Health as it is told."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["FindingOut", "HealthOut", "LiveOut", "ReadyOut"]


class HealthOut(BaseModel):
    """The process answers."""

    status: Literal["healthy"] = "healthy"
    timestamp: str = Field(description="Of the machine, UTC.")


class LiveOut(BaseModel):
    """The process answers, since when, and which others gave a sign of life."""

    status: Literal["alive"] = "alive"
    uptime_seconds: float
    heartbeat_age_seconds: dict[str, float] = Field(description="By process; those that never beat are missing.")


class FindingOut(BaseModel):
    """One thing that was looked at."""

    name: str = Field(examples=["database", "disk", "host", "watchdog", "engine", "feed"])
    is_well: bool
    text: str


class ReadyOut(BaseModel):
    """Whether it is fit to be used. What makes requests fail is answered with 503 instead."""

    status: Literal["ready", "degraded"] = Field(description="degraded: requests are answered, but something is wrong.")
    reasons: list[str] = Field(description="Names of what is wrong.")
    checks: list[FindingOut]
