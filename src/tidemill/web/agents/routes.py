"""Trading agents: made, watched, changed, switched on and off."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundAgent`

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.services.faces.trading_agents import USUAL_SYMBOLS, TradingAgent, made_agent, merged_limits
from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.refusals import OverLimit
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.agents.found import FACE, FoundAgent, newest_run
from tidemill.web.agents.schemas import (
    ActivityOut,
    AgentChangeIn,
    AgentDetailOut,
    AgentIn,
    AgentOut,
    AgentsOut,
    MessageOut,
    PortfolioOut,
)
from tidemill.web.agents.shapes import activity_row, portfolio_out
from tidemill.web.parts import Parts, parts_of
from tidemill.web.wishes import feed_wish

__all__ = ["router"]

router = APIRouter()

_Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.post("", status_code=201, **rule(Role.TRADER, "self"))
def create_agent(request: Request, caller: Caller, body: AgentIn) -> AgentOut:
    """Make an agent; it begins at once if a place of the tier is free, else it waits to be activated."""
    parts = parts_of(request)
    wish = TradingAgent(
        body.name,
        body.account_id,
        body.timeframe,
        body.strategies,
        body.risk_limits.values(),
        body.symbols or USUAL_SYMBOLS,
        feed_wish(body.feed),
        body.interval or "",
        body.initial_cash,
        body.auto_execute,
        body.parameters,
    )
    made, wish = made_agent(parts.home, parts.fleet.strategies, wish)
    agent = parts.fleet.agents.create(caller.scope, FACE, body.name, made, wish.values(), is_active=False)
    record(parts.database, caller, "agent.create", agent.id, {"name": agent.name})
    message = ""
    if body.active:
        try:
            parts.fleet.runs.start(caller, agent)
        except OverLimit as error:
            message = str(error)
    agent = parts.fleet.agents.get(caller.scope, FACE, agent.id)
    return AgentOut.of(agent, newest_run(parts, caller.scope, agent), message)


@router.get("", **rule(Role.VIEWER, "self"))
def list_agents(
    request: Request,
    scope: Scope,
    active: bool | None = None,
    limit: _Limit = 1_000,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> AgentsOut:
    """Return one's agents; only those at work, or only the others, if asked."""
    parts = parts_of(request)
    found = parts.fleet.agents.list(scope, FACE, limit=limit, offset=offset)
    told = [AgentOut.of(agent, newest_run(parts, scope, agent)) for agent in found]
    return AgentsOut(agents=[agent for agent in told if active is None or agent.active == active])


@router.get("/{agent_id}", **rule(Role.VIEWER, "row"))
def get_agent(request: Request, found: FoundAgent) -> AgentDetailOut:
    """Return an agent and its money."""
    portfolio = get_portfolio(request, found)
    return AgentDetailOut(agent=AgentOut.of(found.agent, found.run), portfolio_state=portfolio)


@router.patch("/{agent_id}", **rule(Role.TRADER, "row"))
def change_agent(request: Request, caller: Caller, found: FoundAgent, body: AgentChangeIn) -> AgentOut:
    """Change an agent; a run at work keeps the version it began with until the agent is activated anew."""
    parts, agent = parts_of(request), found.agent
    old = TradingAgent(**agent.face_values)
    changes: dict[str, Any] = {
        "name": body.name,
        "account_id": body.account_id,
        "timeframe": body.timeframe,
        "strategies": body.strategies,
        "symbols": body.symbols,
        "feed": feed_wish(body.feed),
        "interval": body.interval,
        "auto_execute": body.auto_execute,
        "parameters": body.parameters,
    }
    wish = replace(old, **{name: value for name, value in changes.items() if value is not None})
    wish = replace(wish, risk_limits=merged_limits(old.risk_limits, body.risk_limits.values()))
    made, wish = made_agent(parts.home, parts.fleet.strategies, wish)
    changed = parts.fleet.agents.change(agent, name=wish.name, made=made, face_values=wish.values())
    record(parts.database, caller, "agent.change", agent.id, body.model_dump(exclude_none=True))
    return AgentOut.of(changed, found.run)


@router.post("/{agent_id}/activate", **rule(Role.TRADER, "row", errors=(409,)))
def activate(request: Request, caller: Caller, found: FoundAgent) -> MessageOut:
    """Let an agent work: it goes on with its last run if nothing was changed since, else it begins a new one."""
    parts = parts_of(request)
    if found.run is None or not found.run.is_active:
        parts.fleet.runs.start(caller, found.agent)
        record(parts.database, caller, "agent.activate", found.agent.id)
    return MessageOut(message="Agent activated")


@router.post("/{agent_id}/deactivate", **rule(Role.TRADER, "row"))
def deactivate(request: Request, caller: Caller, found: FoundAgent) -> MessageOut:
    """Stop an agent's run; what it holds is held, and its record stays."""
    _stop(parts_of(request), caller, found.agent)
    return MessageOut(message="Agent deactivated")


@router.delete("/{agent_id}", **rule(Role.TRADER, "row"))
def delete_agent(request: Request, caller: Caller, found: FoundAgent) -> MessageOut:
    """Stop an agent and take it off the list; the record of its runs stays."""
    parts = parts_of(request)
    _stop(parts, caller, found.agent)
    parts.fleet.agents.delete(found.agent)
    record(parts.database, caller, "agent.delete", found.agent.id)
    return MessageOut(message="Agent deleted successfully")


def _stop(parts: Parts, caller: Caller, agent: Agent) -> None:
    if agent.run_id:
        parts.fleet.runs.stop(caller.scope, agent.run_id)
    parts.fleet.agents.set_active(agent, is_active=False)
    record(parts.database, caller, "agent.deactivate", agent.id)


@router.get("/{agent_id}/activity", **rule(Role.VIEWER, "row"))
def get_activity(request: Request, found: FoundAgent, limit: _Limit = 100) -> ActivityOut:
    """Return what an agent did, newest first."""
    rows = parts_of(request).fleet.facts.activity(found.runs, limit)
    return ActivityOut(activity=[activity_row(row) for row in rows])


@router.get("/{agent_id}/portfolio", **rule(Role.VIEWER, "row"))
def get_portfolio(request: Request, found: FoundAgent) -> PortfolioOut:
    """Return an agent's money: what it begins with before its first run."""
    facts, cash = parts_of(request).fleet.facts, found.agent.spec.run.cash
    return portfolio_out(facts.portfolio_of(found.run, cash, found.agent.created_ns), facts.positions(found.runs))
