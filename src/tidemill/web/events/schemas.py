"""Events as they are told."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from tidemill.services.monitoring.events import Severity, Source

__all__ = ["EventOut", "EventsOut"]


class EventOut(BaseModel):
    """Something that happened."""

    id: str
    source: Source
    type: str = Field(examples=["ORDERED", "FILLED", "REFUSED", "loop_lag"])
    severity: Severity
    timestamp: str
    message: str
    run_id: str = Field(description="Of the run it is about; empty: of no single one.")
    strategy: str
    symbol: str
    data: dict[str, Any]


class EventsOut(BaseModel):
    """A page of the log, newest first."""

    events: list[EventOut]
    next_cursor: str | None = Field(description="Shows what came before; none: there is no more.")
