"""Trading agents: made, watched, changed, switched on and off."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundAgent`

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.services.faces.trading_agents import (
    USUAL_SYMBOLS,
    TradingAgent,
    changed_agent,
    limits_word,
    made_agent,
)
from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.expecting import check_expected
from tidemill.services.fleet.holding import check_flat
from tidemill.services.fleet.refusals import OverLimit
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.agents.found import FACE, FoundAgent, accounts_of, newest_run
from tidemill.web.agents.schemas import (
    ActivityOut,
    AgentChangedOut,
    AgentChangeIn,
    AgentDetailOut,
    AgentIn,
    AgentOut,
    AgentsOut,
    MessageOut,
    PortfolioOut,
)
from tidemill.web.agents.shapes import activity_row, portfolio_out
from tidemill.web.errors import ApiError
from tidemill.web.halted import check_halts
from tidemill.web.near import near
from tidemill.web.once import OnceRoute
from tidemill.web.parts import Parts, parts_of
from tidemill.web.wishes import ExpectedCamelIn, feed_wish

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_LIMITS_S = 5.0
_TAKEN = {"DONE": "now", "NEW": "soon"}  # what became of new limits
_DOCUMENTED = {
    "name": "name",
    "account_id": "accountId",
    "timeframe": "timeframe",
    "strategies": "strategies",
    "symbols": "symbols",
    "feed": "feed",
    "interval": "interval",
    "auto_execute": "autoExecute",
    "parameters": "parameters",
    "require_approval": "requireApproval",
    "approval_s": "approvalSeconds",
}
_Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.post("", status_code=201, **rule(Role.TRADER, "self", errors=(409,)))
def create_agent(request: Request, caller: Caller, body: AgentIn) -> AgentOut:
    """Make an agent; it begins at once if a place of the tier is free, else it waits to be activated."""
    parts, limits = parts_of(request), body.risk_limits.values()
    check_expected(body.expected(), "paper", [body.account_id])
    wish = TradingAgent(
        body.name,
        body.account_id,
        body.timeframe,
        body.strategies,
        limits,
        body.symbols or USUAL_SYMBOLS,
        feed_wish(body.feed),
        body.interval or "",
        body.initial_cash,
        body.auto_execute,
        body.parameters,
        limits.get("minConfidenceScore", 0.0) > 0.0,
        body.require_approval,
        body.approval_seconds,
    )
    made, wish = made_agent(parts.home, parts.fleet.strategies, wish)
    agent = parts.fleet.agents.create(caller.scope, FACE, body.name, made, wish.values(), is_active=False)
    record(parts.database, caller, "agent.create", agent.id, {"name": agent.name})
    message = ""
    if body.active:
        try:
            check_halts(parts, None)
            parts.fleet.runs.start(caller, agent)
        except (OverLimit, ApiError) as error:  # it is made all the same, and says why it waits
            message = str(error)
    agent = parts.fleet.agents.get(caller.scope, FACE, agent.id)
    return AgentOut.of(agent, newest_run(parts, caller.scope, agent), message)


@router.get("", **rule(Role.VIEWER, "self"))
@near
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
    runs = parts.fleet.runs.newest(scope, FACE)
    told = [AgentOut.of(agent, runs.get(agent.run_id) or newest_run(parts, scope, agent)) for agent in found]
    return AgentsOut(agents=[agent for agent in told if active is None or agent.active == active])


@router.get("/{agent_id}", **rule(Role.VIEWER, "row"))
def get_agent(request: Request, found: FoundAgent) -> AgentDetailOut:
    """Return an agent and its money."""
    portfolio = get_portfolio(request, found)
    return AgentDetailOut(agent=AgentOut.of(found.agent, found.run), portfolio_state=portfolio)


@router.patch("/{agent_id}", **rule(Role.TRADER, "row", errors=(409,)))
def change_agent(request: Request, caller: Caller, found: FoundAgent, body: AgentChangeIn) -> AgentChangedOut:
    """Change an agent; its run at work takes new limits at once, and keeps the rest until it is activated anew."""
    parts, agent = parts_of(request), found.agent
    check_expected(body.expected(), agent.spec.mode, accounts_of(found))
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
        "require_approval": body.require_approval,
        "approval_s": body.approval_seconds,
    }
    said = {name: value for name, value in changes.items() if value is not None}
    wish = changed_agent(old, said, body.risk_limits.values())
    made, wish = made_agent(parts.home, parts.fleet.strategies, wish)
    changed = parts.fleet.agents.change(agent, name=wish.name, made=made, face_values=wish.values())
    record(parts.database, caller, "agent.change", agent.id, body.model_dump(exclude_none=True))
    run, words = found.run, dict[str, str]()
    if run is not None and run.is_active and limits_word(wish) != limits_word(old):
        state = parts.fleet.asking.ask(
            caller.scope, run.run_id, "limits", limits_word(wish), user=caller.username, wait_s=_LIMITS_S
        ).state
        words["limits"] = _TAKEN.get(state, "next_run")
    if run is not None and run.is_active and said:
        words |= dict.fromkeys((_DOCUMENTED[name] for name in said), "next_run") | (
            {"name": "now"} if body.name else {}
        )
    return AgentChangedOut(**AgentOut.of(changed, run).model_dump(), in_force=words)


@router.post("/{agent_id}/activate", **rule(Role.TRADER, "row", errors=(409, 423)))
def activate(request: Request, caller: Caller, found: FoundAgent, body: ExpectedCamelIn | None = None) -> MessageOut:
    """Let an agent work: it goes on with its last run if nothing was changed since, else it begins a new one."""
    parts = parts_of(request)
    check_expected((body or ExpectedCamelIn()).expected(), found.agent.spec.mode, accounts_of(found))
    check_halts(parts, found.run)
    if found.run is None or not found.run.is_active:
        parts.fleet.runs.start(caller, found.agent)
        record(parts.database, caller, "agent.activate", found.agent.id)
    return MessageOut(message="Agent activated")


@router.post("/{agent_id}/deactivate", **rule(Role.TRADER, "row"))
def deactivate(request: Request, caller: Caller, found: FoundAgent) -> MessageOut:
    """Stop an agent's run; what it holds is held, and its record stays."""
    _stop(parts_of(request), caller, found.agent)
    return MessageOut(message="Agent deactivated")


@router.delete("/{agent_id}", **rule(Role.TRADER, "row", errors=(409,)))
def delete_agent(request: Request, caller: Caller, found: FoundAgent) -> MessageOut:
    """Stop an agent that holds nothing and take it off the list; the record of its runs stays."""
    parts = parts_of(request)
    check_flat(parts.fleet.facts, found.agent, found.run)
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
