"""Signs of life, for people, load balancers and orchestrators: ``/v1/health``."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tidemill.services.monitoring.readiness import examine
from tidemill.web.access import rule
from tidemill.web.errors import ApiError
from tidemill.web.health.schemas import FindingOut, HealthOut, LiveOut, ReadyOut
from tidemill.web.parts import parts_of
from tidemill.web.times import iso_utc

__all__ = ["router"]

router = APIRouter()
_OFTEN = 1_200  # a minute: every half second, from ten probes behind one address


@router.get("", **rule(None, "nothing", per_minute=_OFTEN))
async def show_health(request: Request) -> HealthOut:
    """Say that this process answers; neither database nor engine is asked."""
    return HealthOut(timestamp=iso_utc(parts_of(request).clock.now_ns()))


@router.get("/live", **rule(None, "nothing", per_minute=_OFTEN))
async def show_live(request: Request) -> LiveOut:
    """Say since when this process lives, and how long ago the others gave a sign of life; read from files alone."""
    operations = parts_of(request).operations
    ages = {name: age for name in ("api", "host") if (age := operations.pulse.age_s(name)) is not None}
    return LiveOut(uptime_seconds=round(operations.figures.uptime_s(), 3), heartbeat_age_seconds=ages)


@router.get("/ready", **rule(None, "nothing", per_minute=_OFTEN))
def show_ready(request: Request) -> ReadyOut:
    """Say whether the installation is fit to be used: database, disk, processes, feeds, brokers, halts."""
    readiness = examine(parts_of(request).operations.pulse)
    found = [FindingOut(name=item.name, is_well=item.is_well, text=item.text) for item in readiness.findings]
    if readiness.status == "not_ready":
        sentence = f"Not ready: {', '.join(readiness.reasons)}; see the details."
        raise ApiError(503, "not_ready", sentence, details={"checks": [item.model_dump() for item in found]})
    return ReadyOut(status="degraded" if readiness.reasons else "ready", reasons=readiness.reasons, checks=found)
