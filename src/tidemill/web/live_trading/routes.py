"""Live strategies: made, started, paused, stopped, watched."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundStrategy`

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.services.faces.live_strategies import (
    LiveStrategy,
    check_change_at_work,
    limits_word,
    made_live_strategy,
)
from tidemill.services.fleet.expecting import Expected, check_expected
from tidemill.services.fleet.holding import check_flat
from tidemill.services.fleet.refusals import not_now
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.halted import check_halts
from tidemill.web.live_trading.found import FACE, Found, FoundStrategy, all_of, told, told_positions, told_signals
from tidemill.web.live_trading.schemas import (
    ControlResponse,
    DashboardResponse,
    DashboardSummary,
    LiveStrategyCreate,
    LiveStrategyResponse,
    LiveStrategyStatusResponse,
    LiveStrategyUpdate,
    PositionResponse,
    SignalHistoryResponse,
    StartStrategyRequest,
)
from tidemill.web.once import OnceRoute
from tidemill.web.parts import parts_of
from tidemill.web.wishes import ExpectedIn, feed_wish

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_Status = Literal["ACTIVE", "PAUSED", "STOPPED", "ERROR", "active", "paused", "stopped", "error"]
_LIMITS_S = 5.0  # new limits are waited for; later they are on the run's list all the same
_SHOWN = 10  # signals of one strategy's status


def _expect(found: Found, expected: Expected) -> None:
    """Refuse what would trade in another mode, or on another account, than its sender believes."""
    agent, run = found.agent, found.run
    goes_on = run is not None and (run.is_active or run.version == agent.version)
    check_expected(expected, agent.spec.mode, [run.account] if run is not None and goes_on else [])


def _must_stop_first(found: Found) -> None:
    if found.run is not None and found.run.is_active:
        raise not_now(f"{found.agent.name} is {found.status}; stop it first.")


@router.post("/strategies", status_code=201, **rule(Role.TRADER, "self", errors=(409,)))
def create_strategy(request: Request, caller: Caller, body: LiveStrategyCreate) -> LiveStrategyResponse:
    """Make a live strategy."""
    parts = parts_of(request)
    check_expected(body.expected(), "paper", [])
    values = body.model_dump(exclude={"feed", "initial_cash", *ExpectedIn.model_fields})
    wish = LiveStrategy(**values, feed=feed_wish(body.feed), cash=body.initial_cash)
    made = made_live_strategy(parts.home, parts.fleet.strategies, caller.scope, wish)
    agent = parts.fleet.agents.create(caller.scope, FACE, body.name, made, wish.values(), is_active=False)
    record(parts.database, caller, "live_strategy.create", str(agent.number), {"name": agent.name})
    return told(parts.fleet.facts, Found(agent, None))


@router.get("/strategies", **rule(Role.VIEWER, "self"))
def list_strategies(
    request: Request,
    scope: Scope,
    status: _Status | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[LiveStrategyResponse]:
    """Return one's live strategies, oldest first; of a status, if asked."""
    parts = parts_of(request)
    wanted = status.upper() if status else ""
    found = [item for item in all_of(parts, scope) if wanted in {"", item.status}]
    return [told(parts.fleet.facts, item) for item in found[offset : offset + limit]]


@router.get("/strategies/{live_id}", **rule(Role.VIEWER, "row"))
def get_strategy(request: Request, found: FoundStrategy) -> LiveStrategyResponse:
    """Return a live strategy."""
    return told(parts_of(request).fleet.facts, found)


@router.put("/strategies/{live_id}", **rule(Role.TRADER, "row", errors=(409,)))
def change_strategy(
    request: Request, caller: Caller, found: FoundStrategy, body: LiveStrategyUpdate
) -> LiveStrategyResponse:
    """Change a live strategy; while it works its name and its limits, which its run is told at once."""
    _expect(found, body.expected())
    parts = parts_of(request)
    changes = body.model_dump(exclude={"feed", "initial_cash", *ExpectedIn.model_fields}, exclude_none=True)
    changes |= {"feed": feed_wish(body.feed)} if body.feed is not None else {}
    changes |= {"cash": body.initial_cash} if body.initial_cash is not None else {}
    old = LiveStrategy(**found.agent.face_values)
    wish = replace(old, **changes)
    if found.run is not None and found.run.is_active:
        most = parts.fleet.runs.spec(caller.scope, found.run).run.settings.max_open_positions
        check_change_at_work(old, wish, found.status, most)
    made = made_live_strategy(parts.home, parts.fleet.strategies, caller.scope, wish)
    agent = parts.fleet.agents.change(found.agent, name=wish.name, made=made, face_values=wish.values())
    record(parts.database, caller, "live_strategy.change", str(agent.number), changes)
    if found.run is not None and found.run.is_active and limits_word(wish) != limits_word(old):
        ask = parts.fleet.asking.ask
        ask(caller.scope, found.run.run_id, "limits", limits_word(wish), user=caller.username, wait_s=_LIMITS_S)
    return told(parts.fleet.facts, Found(agent, found.run))


@router.delete("/strategies/{live_id}", status_code=204, **rule(Role.TRADER, "row", errors=(409,)))
def delete_strategy(request: Request, caller: Caller, found: FoundStrategy) -> None:
    """Take a live strategy that is not at work and holds nothing off the list; the record of its runs stays."""
    _must_stop_first(found)
    parts = parts_of(request)
    check_flat(parts.fleet.facts, found.agent, found.run)
    parts.fleet.agents.delete(found.agent)
    record(parts.database, caller, "live_strategy.delete", str(found.agent.number))


@router.post("/strategies/{live_id}/start", **rule(Role.TRADER, "row", errors=(409, 423)))
def start_strategy(
    request: Request, caller: Caller, found: FoundStrategy, body: StartStrategyRequest | None = None
) -> ControlResponse:
    """Start a live strategy, or let a paused one trade again."""
    parts = parts_of(request)
    _expect(found, (body or StartStrategyRequest()).expected())
    check_halts(parts, found.run)
    if found.run is not None and found.status == "PAUSED":
        parts.fleet.runs.resume(caller.scope, found.run.run_id)
    elif found.run is None or not found.run.is_active:
        parts.fleet.runs.start(caller, found.agent, anew=body is not None and body.force)
    return _done(request, caller, found, "start", "started")


@router.post("/strategies/{live_id}/stop", **rule(Role.TRADER, "row"))
def stop_strategy(request: Request, caller: Caller, found: FoundStrategy) -> ControlResponse:
    """Stop a live strategy: it looks at nothing any more; what it holds is held."""
    if found.run is not None:
        parts_of(request).fleet.runs.stop(caller.scope, found.run.run_id)
    return _done(request, caller, found, "stop", "stopped")


@router.post("/strategies/{live_id}/pause", **rule(Role.TRADER, "row", errors=(409,)))
def pause_strategy(request: Request, caller: Caller, found: FoundStrategy) -> ControlResponse:
    """Pause a live strategy: it goes on looking, enters nothing, and its exits stay at work."""
    if found.run is None:
        raise not_now(f"{found.agent.name} is STOPPED; start it first.")
    parts_of(request).fleet.runs.pause(caller.scope, found.run.run_id)
    return _done(request, caller, found, "pause", "paused")


def _done(request: Request, caller: Caller, found: Found, action: str, word: str) -> ControlResponse:
    record(parts_of(request).database, caller, f"live_strategy.{action}", str(found.agent.number))
    return ControlResponse(success=True, message=f"Strategy {word}", strategy_id=found.agent.number)


@router.get("/strategies/{live_id}/status", **rule(Role.VIEWER, "row"))
def get_status(request: Request, found: FoundStrategy) -> LiveStrategyStatusResponse:
    """Return a live strategy, its last ten signals, and whether it is at work."""
    facts = parts_of(request).fleet.facts
    signals = told_signals(facts.signals(found.runs, _SHOWN), [found])
    return LiveStrategyStatusResponse(
        strategy=told(facts, found), recent_signals=signals, is_running=found.run is not None and found.run.is_active
    )


@router.get("/signals/recent", **rule(Role.VIEWER, "self"))
def recent_signals(
    request: Request,
    scope: Scope,
    *,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    symbol: Annotated[str | None, Query(min_length=1, max_length=24)] = None,
    signal_type: Literal["BUY", "SELL", "HOLD"] | None = None,
    executed_only: bool = False,
) -> list[SignalHistoryResponse]:
    """Return the newest signals of all of one's live strategies; HOLD is never recorded."""
    parts = parts_of(request)
    strategies = all_of(parts, scope)
    rows = parts.fleet.facts.signals(
        [run for found in strategies for run in found.runs],
        limit,
        symbol=symbol or "",
        side=signal_type or "",
        only_executed=executed_only,
    )
    return told_signals(rows, strategies)


@router.get("/positions", **rule(Role.VIEWER, "self"))
def open_positions(request: Request, scope: Scope) -> list[PositionResponse]:
    """Return the open positions of all of one's live strategies."""
    parts = parts_of(request)
    return told_positions(parts.fleet.facts, all_of(parts, scope))


@router.get("/dashboard", **rule(Role.VIEWER, "self"))
def dashboard(request: Request, scope: Scope) -> DashboardResponse:
    """Return totals, the strategies at work and the newest signals."""
    parts = parts_of(request)
    facts, strategies = parts.fleet.facts, all_of(parts, scope)
    money = [facts.portfolio_of(item.run, item.agent.spec.run.cash, 0) for item in strategies]
    active = [item for item in strategies if item.status == "ACTIVE"]
    runs = [run for item in strategies for run in item.runs]
    return DashboardResponse(
        summary=DashboardSummary(
            active_strategies=len(active),
            total_strategies=len(strategies),
            signals_today=sum(item.signals_today for item in money),
            trades_today=sum(item.trades_today for item in money),
            total_pnl=round(sum(item.total_pnl for item in money), 2),
            daily_pnl=round(sum(item.daily_pnl for item in money), 2),
            active_positions=sum(item.open_trades for item in money),
        ),
        active_strategies=[told(facts, item) for item in active],
        recent_signals=told_signals(facts.signals(runs, _SHOWN), strategies),
    )
