"""Ticks from outside, for runs that listen to pushed prices."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundRun`

from __future__ import annotations

from fastapi import APIRouter, Request

from tidemill.model.people import Role
from tidemill.services.commands.ticking import push_ticks
from tidemill.web.access import Caller, rule
from tidemill.web.hop import OneHop
from tidemill.web.parts import parts_of
from tidemill.web.runs.routes import FoundRun
from tidemill.web.runs.schemas import TickAnswer, TickIn, TicksIn, TicksOut

__all__ = ["router", "run_router"]

router = APIRouter(route_class=OneHop)
run_router = APIRouter(route_class=OneHop)

_OFTEN = 60_000


def _ticks(request: Request, caller: Caller, ticks: list[TickIn], run_id: str = "") -> TicksOut:
    fleet = parts_of(request).fleet
    bodies = [tick.model_dump() for tick in ticks]
    answers = push_ticks(fleet.runs, fleet.asking, caller, bodies, run_id=run_id)
    told = [
        TickAnswer(run_id=answer.run_id, symbol=symbol, state=answer.state, message=answer.text)
        for symbol, answer in answers
    ]
    return TicksOut(accepted=sum(item.state == "DONE" for item in told), answers=told)


@router.post("", **rule(Role.TRADER, "self", errors=(409,), per_minute=_OFTEN))
def push_tick(request: Request, caller: Caller, body: TickIn) -> TicksOut:
    """Hand a trade print to every one of one's runs that listens to pushed ticks and trades the symbol."""
    return _ticks(request, caller, [body])


@run_router.post("/{run_id}/ticks", **rule(Role.TRADER, "row", errors=(409,), per_minute=_OFTEN))
def push_run_ticks(request: Request, caller: Caller, found: FoundRun, body: TicksIn) -> TicksOut:
    """Hand trade prints to one run, in order."""
    return _ticks(request, caller, body.ticks, found.run_id)
