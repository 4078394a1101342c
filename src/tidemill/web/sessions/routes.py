"""Trading sessions: started, paused, stopped, looked at."""

# ruff: noqa: FAST003 - names in the path are taken by the dependencies `FoundSession` and `OwnScope`

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from tidemill.model.people import ACTIVE_RUNS, Role, UserScope
from tidemill.services.access.audit import record
from tidemill.services.faces.session_settings import limits_word
from tidemill.services.faces.sessions import Session
from tidemill.services.fleet.expecting import check_expected
from tidemill.services.fleet.refusals import OverLimit, not_there
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.errors import ApiError
from tidemill.web.halted import check_halts
from tidemill.web.once import OnceRoute
from tidemill.web.parts import parts_of
from tidemill.web.sessions.schemas import (
    ActiveSessionOut,
    PositionLine,
    SessionIn,
    SessionOut,
    SessionPortfolioOut,
    SessionsOut,
    SettingsAnswer,
    SettingsIn,
    StartedOut,
    StatsOut,
    TradesOut,
)
from tidemill.web.sessions.shapes import money_of, session_out, settings_answer, settings_out, trade_out
from tidemill.web.times import iso_utc
from tidemill.web.wishes import ExpectedCamelIn

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_Number = Annotated[int, Path(ge=1, lt=1 << 63)]
_LIMITS_S = 5.0
_Limit = Annotated[int, Query(ge=1, le=1_000)]


def _find(request: Request, scope: Scope, session_id: _Number) -> Session:
    return parts_of(request).fleet.sessions.get(scope, session_id)


def _own(scope: Scope, user_id: _Number) -> UserScope:
    """Return the scope of the user a path names: one's own, or nobody's."""
    if user_id != scope.user_id:
        raise not_there("user", user_id)
    return scope


FoundSession = Annotated[Session, Depends(_find)]
OwnScope = Annotated[UserScope, Depends(_own)]


@router.post("/sessions/start", status_code=201, **rule(Role.TRADER, "self", errors=(400, 409, 423)))
def start_session(request: Request, caller: Caller, body: SessionIn) -> StartedOut:
    """Start a session, if a place of the tier is free."""
    if body.user_id is not None and body.user_id != caller.user_id:
        raise ApiError(422, "not_yourself", "userId must be your own number; leave it out.", field="body.userId")
    parts = parts_of(request)
    check_expected(body.expected(), body.mode.lower() if body.expected_mode else "paper", [])
    check_halts(parts, None)
    try:
        session = parts.fleet.sessions.start(caller, body.wish())
    except OverLimit as error:  # the documented status of this one face
        raise ApiError(400, error.code, str(error), details=_over(error)) from None
    record(parts.database, caller, "session.start", str(session.agent.number), {"strategy": session.agent.name})
    return StartedOut(
        success=True,
        session_id=session.agent.number,
        session=session_out(parts.fleet.facts, session),
        settings=settings_out(session),
    )


def _over(error: OverLimit) -> dict[str, object]:
    return {
        "tier": str(error.tier),
        "currentCount": len(error.active),
        "maxAllowed": error.most,
        "activeSessions": list(error.active),
    }


@router.post("/sessions/{session_id}/stop", **rule(Role.TRADER, "row"))
def stop_session(request: Request, caller: Caller, found: FoundSession) -> SessionOut:
    """End a session; what it holds is held."""
    parts = parts_of(request)
    run = parts.fleet.runs.stop(caller.scope, found.run.run_id)
    record(parts.database, caller, "session.stop", str(found.agent.number))
    return session_out(parts.fleet.facts, replace(found, run=run))


@router.post("/sessions/{session_id}/pause", **rule(Role.TRADER, "row", errors=(409,)))
def pause_session(request: Request, caller: Caller, found: FoundSession) -> SessionOut:
    """Pause a session: no new entries, exits stay at work; it keeps its place of the tier."""
    fleet = parts_of(request).fleet
    fleet.runs.pause(caller.scope, found.run.run_id)
    run = fleet.runs.wait(caller.scope, found.run.run_id, ("PAUSED", "STOPPED", "COMPLETED", "ERROR"), 1.0)
    return session_out(fleet.facts, replace(found, run=run))


@router.post("/sessions/{session_id}/resume", **rule(Role.TRADER, "row", errors=(409, 423)))
def resume_session(
    request: Request, caller: Caller, found: FoundSession, body: ExpectedCamelIn | None = None
) -> SessionOut:
    """Let a paused session trade again."""
    fleet = parts_of(request).fleet
    check_expected((body or ExpectedCamelIn()).expected(), found.run.mode, [found.run.account])
    check_halts(parts_of(request), found.run)
    fleet.runs.resume(caller.scope, found.run.run_id)
    run = fleet.runs.wait(caller.scope, found.run.run_id, ("RUNNING", "STOPPED", "COMPLETED", "ERROR"), 1.0)
    return session_out(fleet.facts, replace(found, run=run))


@router.get("/sessions/{session_id}", **rule(Role.VIEWER, "row"))
def get_session(request: Request, found: FoundSession) -> SessionOut:
    """Return a session."""
    return session_out(parts_of(request).fleet.facts, found)


@router.get("/sessions/{session_id}/trades", **rule(Role.VIEWER, "row"))
def get_trades(
    request: Request, found: FoundSession, limit: _Limit = 1_000, offset: Annotated[int, Query(ge=0, le=10**6)] = 0
) -> TradesOut:
    """Return the fills of a session, newest first."""
    facts = parts_of(request).fleet.facts
    trips = facts.trips([found.run], 100_000, status="CLOSED")
    closed = {row["exit_order"]: row["pnl_micros"] for row in trips if row["exit_order"]}
    rows = facts.fills([found.run], limit, offset)
    return TradesOut(trades=[trade_out(row, found, closed) for row in rows])


@router.get("/sessions/{session_id}/settings", **rule(Role.VIEWER, "row"))
def get_settings(found: FoundSession) -> SettingsAnswer:
    """Return the settings of a session."""
    return settings_answer(found)


@router.post("/sessions/{session_id}/settings", **rule(Role.TRADER, "row"))
def write_settings(request: Request, caller: Caller, found: FoundSession, body: SettingsIn) -> SettingsAnswer:
    """Write a session's settings anew: what is left out takes its default."""
    return _write(request, caller, found, body, anew=True)


@router.patch("/sessions/{session_id}/settings", **rule(Role.TRADER, "row"))
def change_settings(request: Request, caller: Caller, found: FoundSession, body: SettingsIn) -> SettingsAnswer:
    """Change some of a session's settings; what is left out stays."""
    return _write(request, caller, found, body, anew=False)


def _write(request: Request, caller: Caller, found: Session, body: SettingsIn, *, anew: bool) -> SettingsAnswer:
    parts = parts_of(request)
    settings = parts.fleet.sessions.change_settings(found, body.values(), anew=anew)
    record(parts.database, caller, "session.settings", str(found.agent.number), body.values())
    if found.run.is_active and settings.limits() != found.settings.limits():
        parts.fleet.asking.ask(
            caller.scope, found.run.run_id, "limits", limits_word(settings), user=caller.username, wait_s=_LIMITS_S
        )
    return settings_answer(replace(found, settings=settings))


@router.get("/users/{user_id}/active-session", **rule(Role.VIEWER, "row"))
def active_session(request: Request, scope: OwnScope) -> ActiveSessionOut:
    """Return the newest session at work or paused; 404 when there is none."""
    fleet = parts_of(request).fleet
    session = fleet.sessions.active(scope)
    if session is None:
        raise not_there("active session", "of yours")
    return ActiveSessionOut(session=session_out(fleet.facts, session), settings=settings_out(session))


@router.get("/users/{user_id}/sessions", **rule(Role.VIEWER, "row"))
def list_sessions(
    request: Request, scope: OwnScope, limit: _Limit = 100, offset: Annotated[int, Query(ge=0, le=10**6)] = 0
) -> SessionsOut:
    """Return one's sessions, newest first."""
    fleet = parts_of(request).fleet
    found = fleet.sessions.list(scope, limit=limit, offset=offset)
    return SessionsOut(sessions=[session_out(fleet.facts, session) for session in found])


@router.get("/users/{user_id}/stats", **rule(Role.VIEWER, "row"))
def get_stats(request: Request, caller: Caller, scope: OwnScope) -> StatsOut:
    """Return totals over all of one's sessions."""
    fleet = parts_of(request).fleet
    told = [session_out(fleet.facts, session) for session in fleet.sessions.list(scope)]
    trades, wins = sum(item.total_trades for item in told), sum(item.winning_trades for item in told)
    return StatsOut(
        total_sessions=len(told),
        active_sessions=sum(item.status in {"ACTIVE", "PAUSED"} for item in told),
        max_active_sessions=ACTIVE_RUNS[caller.tier],
        total_trades=trades,
        winning_trades=wins,
        losing_trades=trades - wins,
        win_rate=wins / trades if trades else None,
        total_pnl=round(sum(item.total_pnl for item in told), 2),
    )


@router.get("/users/{user_id}/portfolio", **rule(Role.VIEWER, "row"))
def get_portfolio(request: Request, scope: OwnScope) -> SessionPortfolioOut:
    """Return the money and positions of one's sessions at work, added up."""
    parts = parts_of(request)
    facts = parts.fleet.facts
    active = [session for session in parts.fleet.sessions.list(scope) if session.run.is_active]
    money = [money_of(facts, session) for session in active]
    numbers = {session.run.run_id: session.agent.number for session in active}
    return SessionPortfolioOut(
        total_value=round(sum(item.equity for item in money), 2),
        cash=round(sum(item.cash for item in money), 2),
        exposure=round(sum(item.exposure for item in money), 2),
        daily_pnl=round(sum(item.daily_pnl for item in money), 2),
        total_pnl=round(sum(item.total_pnl for item in money), 2),
        mode="PAPER",
        positions=[
            PositionLine(
                session_id=numbers[item.run_id],
                symbol=item.symbol,
                quantity=item.quantity,
                average_price=item.average_price,
                current_price=item.market_price,
                market_value=item.market_value,
                unrealized_pnl=item.unrealised,
            )
            for item in facts.positions([session.run for session in active])
        ],
        timestamp=iso_utc(parts.clock.now_ns()),
    )
