"""The log of what happened to one's runs: ``/v1/events``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from tidemill.model.people import Role
from tidemill.services.monitoring.events import Event, EventsWish, Severity, Source
from tidemill.web.access import Scope, rule
from tidemill.web.events.schemas import EventOut, EventsOut
from tidemill.web.parts import parts_of
from tidemill.web.times import iso_utc

__all__ = ["router"]

router = APIRouter()
_Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.get("", **rule(Role.VIEWER, "self"))
def list_events(
    request: Request,
    scope: Scope,
    *,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: _Text = "",
    type: _Text = "",  # noqa: A002 - what the log calls it
    severity: Severity | None = None,
    source: Source | None = None,
    run_id: _Text = "",
) -> EventsOut:
    """Return activity, alerts and limits that were hit, of one's own runs, newest first."""
    wish = EventsWish(limit + 1, cursor, type, severity, source, run_id)
    found = parts_of(request).operations.events.read(scope, wish)
    more = found[limit - 1].cursor if len(found) > limit else None
    return EventsOut(events=[_told(event) for event in found[:limit]], next_cursor=more)


def _told(event: Event) -> EventOut:
    return EventOut(
        id=event.cursor,
        source=event.source,
        type=event.kind,
        severity=event.severity,
        timestamp=iso_utc(event.at_ns),
        message=event.text,
        run_id=event.run_id,
        strategy=event.strategy,
        symbol=event.symbol,
        data=dict(event.data),
    )
