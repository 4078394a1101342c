"""Accounts, orders, signals and results of trading agents."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundAgent`

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from tidemill.model.agent import AgentSpec
from tidemill.model.people import Role, UserScope
from tidemill.services.access.audit import record
from tidemill.services.commands.asking import Asked
from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.approving import Approving
from tidemill.services.fleet.expecting import Expected, check_expected
from tidemill.services.fleet.refusals import not_now, not_there
from tidemill.services.fleet.runs import OwnedRun
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.agents.found import FACE, Found, FoundAgent, accounts_of, newest_run
from tidemill.web.agents.schemas import MessageOut
from tidemill.web.agents.trading_schemas import (
    AccountOut,
    AccountsOut,
    ApprovalIn,
    EquityOut,
    EquityPoint,
    MetricsOut,
    MetricsRow,
    OrderIn,
    OrdersOut,
    OrderTaken,
    PositionOut,
    PositionsOut,
    RecommendationsOut,
    SignalsOut,
    TradesOut,
)
from tidemill.web.agents.trading_shapes import (
    metrics_row,
    order_out,
    recommendation_out,
    signal_out,
    trade_out,
    waiting_out,
)
from tidemill.web.halted import check_halts, check_refusal
from tidemill.web.once import REPLAY, OnceRoute
from tidemill.web.parts import Parts, parts_of
from tidemill.web.times import iso_utc
from tidemill.web.trading.once import Key
from tidemill.web.wishes import ExpectedCamelIn

__all__ = ["agent_router", "router"]

router = APIRouter(route_class=OnceRoute)
agent_router = APIRouter(route_class=OnceRoute)

Limit = Annotated[int, Query(ge=1, le=1_000)]
_TradeId = Annotated[str, Path(min_length=1, max_length=120)]
_ANSWER_S = 10.0
_RecommendationId = Annotated[str, Path(min_length=1, max_length=120)]
_OFTEN = 6_000


def _all(parts: Parts, scope: Scope) -> list[tuple[Agent, OwnedRun | None]]:
    return [(agent, newest_run(parts, scope, agent)) for agent in parts.fleet.agents.list(scope, FACE)]


def _account(parts: Parts, agent: Agent, run: OwnedRun | None) -> AccountOut:
    money = parts.fleet.facts.portfolio_of(run, agent.spec.run.cash, agent.created_ns)
    return AccountOut(
        account_id=agent.face_values["account_id"],
        agent_id=agent.id,
        name=f"Paper account of {agent.name}",
        type="Paper",
        cash=money.cash,
        equity=money.equity,
        buying_power=money.buying_power,
    )


@router.get("/accounts", **rule(Role.VIEWER, "self"))
def accounts(request: Request, scope: Scope) -> AccountsOut:
    """Return the paper account of each of one's agents."""
    parts = parts_of(request)
    return AccountsOut(accounts=[_account(parts, agent, run) for agent, run in _all(parts, scope)])


@router.get("/account", **rule(Role.VIEWER, "self", errors=(404,)))
def account(
    request: Request,
    scope: Scope,
    agent_id: Annotated[str | None, Query(alias="agentId", max_length=64)] = None,
) -> AccountOut:
    """Return one account: of the agent that is named, else of the first."""
    parts = parts_of(request)
    if agent_id is not None:
        agent = parts.fleet.agents.get(scope, FACE, agent_id)
        return _account(parts, agent, newest_run(parts, scope, agent))
    found = next(iter(_all(parts, scope)), None)
    if found is None:
        raise not_there("account", "of an agent")
    return _account(parts, *found)


@router.get("/positions", **rule(Role.VIEWER, "self"))
def positions(request: Request, scope: Scope) -> PositionsOut:
    """Return the open positions of all of one's agents."""
    parts = parts_of(request)
    runs = [run for _, run in _all(parts, scope) if run is not None]
    agents = {run.run_id: run.agent_id for run in runs}
    return PositionsOut(
        positions=[
            PositionOut(
                agent_id=agents[item.run_id],
                symbol=item.symbol,
                quantity=item.quantity,
                average_price=item.average_price,
                current_price=item.market_price,
                market_value=item.market_value,
                unrealized_pnl=item.unrealised,
                unrealized_pnl_percent=item.unrealised_pct,
            )
            for item in parts.fleet.facts.positions(runs)
        ]
    )


@router.get("/orders", **rule(Role.VIEWER, "self"))
def orders(request: Request, scope: Scope, limit: Limit = 100) -> OrdersOut:
    """Return the orders of all of one's agents, newest first."""
    parts = parts_of(request)
    runs = parts.fleet.runs.list(scope, face=FACE)
    agents = {run.run_id: run.agent_id for run in runs}
    return OrdersOut(orders=[order_out(row, agents[row["run_id"]]) for row in parts.fleet.facts.orders(runs, limit)])


@router.post("/orders", status_code=201, **rule(Role.TRADER, "row", errors=(409, 423), per_minute=_OFTEN))
def place_order(request: Request, response: Response, caller: Caller, body: OrderIn, key: Key = None) -> OrderTaken:
    """Send an order to an agent's account; the same Idempotency-Key sends it once."""
    parts = parts_of(request)
    agent = parts.fleet.agents.get(caller.scope, FACE, body.agent_id)
    run = _run(Found(agent, newest_run(parts, caller.scope, agent)), body.expected())
    answer = _ask(parts, caller, run, ("order", body.body()), key or "")
    if answer.is_replay:
        response.headers.update(REPLAY)
    check_refusal(parts, run, body.symbol, answer)
    return _taken(answer, body.symbol)


def _run(found: Found, expected: Expected) -> OwnedRun:
    """Return the run an order of an agent goes to. Raises Refused."""
    if found.run is None:
        raise not_now(f"{found.agent.name} has no run; activate it first.")
    check_expected(expected, found.run.mode, accounts_of(found))
    return found.run


def _ask(parts: Parts, caller: Caller, run: OwnedRun, wish: tuple[str, dict[str, Any]], key: str = "") -> Asked:
    return parts.fleet.asking.ask(caller.scope, run.run_id, *wish, key=key, user=caller.username, wait_s=_ANSWER_S)


def _taken(answer: Asked, symbol: str) -> OrderTaken:
    order_id, _, state = answer.text.partition(" ")
    if answer.state == "DONE":
        return OrderTaken(order_id=order_id, symbol=symbol, status=state.split(" ")[0], message=answer.text)
    status = "REJECTED" if answer.state == "REFUSED" else "PENDING"
    return OrderTaken(order_id=None, symbol=symbol, status=status, message=answer.text)


@agent_router.post("/{agent_id}/monitor/start", **rule(Role.TRADER, "row", errors=(409,)))
def start_monitor(request: Request, caller: Caller, found: FoundAgent) -> MessageOut:
    """Let an agent watch without new entries: it is paused, and exits stay at work."""
    parts = parts_of(request)
    run = found.run if found.run is not None and found.run.is_active else parts.fleet.runs.start(caller, found.agent)
    parts.fleet.runs.pause(caller.scope, run.run_id)
    return MessageOut(message="Monitoring started")


@agent_router.post("/{agent_id}/monitor/stop", **rule(Role.TRADER, "row", errors=(409,)))
def stop_monitor(request: Request, caller: Caller, found: FoundAgent) -> MessageOut:
    """Stop watching: the run ends."""
    if found.run is not None:
        parts_of(request).fleet.runs.stop(caller.scope, found.run.run_id)
    return MessageOut(message="Monitoring stopped")


@agent_router.get("/{agent_id}/signals", **rule(Role.VIEWER, "row"))
def signals(request: Request, found: FoundAgent, limit: Limit = 100) -> SignalsOut:
    """Return an agent's signals, newest first, and why each was not executed."""
    rows = parts_of(request).fleet.facts.signals(found.runs, limit)
    return SignalsOut(signals=[signal_out(row, found.agent.id) for row in rows])


@agent_router.get("/{agent_id}/trades", **rule(Role.VIEWER, "row"))
def trades(request: Request, scope: Scope, found: FoundAgent, limit: Limit = 100) -> TradesOut:
    """Return the round trips of all runs of an agent, newest first."""
    fleet = parts_of(request).fleet
    runs = fleet.runs.list(scope, agent_id=found.agent.id)
    return TradesOut(trades=[trade_out(row, found.agent.id) for row in fleet.facts.trips(runs, limit)])


@agent_router.get("/{agent_id}/recommendations", **rule(Role.VIEWER, "row"))
def recommendations(request: Request, found: FoundAgent, limit: Limit = 100) -> RecommendationsOut:
    """Return entries that wait for approval, those that were ordered, and those that were refused."""
    parts = parts_of(request)
    waiting = _approving(parts).waiting(found.run, _spec(parts, found)) if found.run is not None else []
    rows = parts.fleet.facts.signals(found.runs, limit)
    told = [waiting_out(item, found.agent.id) for item in waiting]
    told += [recommendation_out(row, found.agent.id) for row in rows if row["kind"] in {"entry", "proposal"}]
    return RecommendationsOut(recommendations=told[:limit])


def _approving(parts: Parts) -> Approving:
    return Approving(parts.database, parts.clock, parts.fleet.facts)


def _spec(parts: Parts, found: Found) -> AgentSpec:
    """Return what an agent's run trades and how, as it began; without a run, what it will."""
    return (
        parts.fleet.runs.spec(UserScope(found.agent.user_id), found.run) if found.run is not None else found.agent.spec
    )


@agent_router.post(
    "/{agent_id}/recommendations/{recommendation_id}/approve", **rule(Role.TRADER, "row", errors=(409, 423))
)
def approve(
    request: Request,
    caller: Caller,
    found: FoundAgent,
    recommendation_id: _RecommendationId,
    body: ApprovalIn | None = None,
) -> OrderTaken:
    """Let an entry leave that waits for approval, whole or a part of it; it is checked as if it came now."""
    parts, said = parts_of(request), body or ApprovalIn()
    waiting = _approving(parts).find(found.run, _spec(parts, found), recommendation_id)
    run = _run(found, said.expected())
    check_halts(parts, run, waiting.symbol)
    verdict: dict[str, Any] = {"proposal": waiting.proposal, "answer": "scale" if said.ratio is not None else "approve"}
    verdict |= {"ratio": said.ratio} if said.ratio is not None else {}
    record(parts.database, caller, "recommendation.approve", waiting.id, verdict)
    answer = _ask(parts, caller, run, ("verdict", verdict))
    check_refusal(parts, run, waiting.symbol, answer)
    return _taken(answer, waiting.symbol)


@agent_router.post("/{agent_id}/recommendations/{recommendation_id}/reject", **rule(Role.TRADER, "row", errors=(409,)))
def reject(
    request: Request,
    caller: Caller,
    found: FoundAgent,
    recommendation_id: _RecommendationId,
) -> MessageOut:
    """Refuse an entry that waits for approval."""
    parts = parts_of(request)
    waiting = _approving(parts).find(found.run, _spec(parts, found), recommendation_id)
    run = _run(found, Expected())
    verdict = {"proposal": waiting.proposal, "answer": "veto"}
    record(parts.database, caller, "recommendation.reject", waiting.id)
    answer = _ask(parts, caller, run, ("verdict", verdict))
    return MessageOut(message="Recommendation rejected" if answer.state == "REFUSED" else "Asked for; not answered yet")


@agent_router.post("/{agent_id}/trades/{trade_id}/close", **rule(Role.TRADER, "row", errors=(409, 423)))
def close_trade(
    request: Request,
    caller: Caller,
    found: FoundAgent,
    trade_id: _TradeId,
    body: ExpectedCamelIn | None = None,
) -> OrderTaken:
    """Close an open round trip at the market; a halt does not stand in the way."""
    parts, run = parts_of(request), _run(found, (body or ExpectedCamelIn()).expected())
    trips = parts.fleet.facts.trips(found.runs, 1_000, status="OPEN")
    trip = next((row for row in trips if f"{row['run_id']}-{row['number']}" == trade_id), None)
    if trip is None:
        raise not_now(f"There is no open trade {trade_id} of this agent; it may be closed already.")
    side = "sell" if trip["side"] == "LONG" else "buy"
    wish = {
        "symbol": trip["symbol"],
        "side": side,
        "quantity": float(trip["quantity"]),
        "strategy": trip["strategy"],
        "closes": True,
    }
    answer = _ask(parts, caller, run, ("order", wish))
    check_refusal(parts, run, trip["symbol"], answer)
    return _taken(answer, trip["symbol"])


@agent_router.get("/{agent_id}/metrics", **rule(Role.VIEWER, "row"))
def metrics(request: Request, found: FoundAgent, limit: Limit = 100) -> MetricsOut:
    """Return figures of risk and result after each round trip and day, newest first."""
    rows = parts_of(request).fleet.facts.metrics(found.runs, limit)
    return MetricsOut(metrics=[metrics_row(row) for row in rows])


@agent_router.get("/{agent_id}/metrics/latest", **rule(Role.VIEWER, "row"))
def latest_metrics(request: Request, found: FoundAgent) -> MetricsRow | None:
    """Return the newest figures, null before the first round trip or day."""
    rows = parts_of(request).fleet.facts.metrics(found.runs, 1)
    return metrics_row(rows[0]) if rows else None


@agent_router.get("/{agent_id}/equity-curve", **rule(Role.VIEWER, "row"))
def equity_curve(request: Request, found: FoundAgent, limit: Limit = 1_000) -> EquityOut:
    """Return equity over time, oldest first."""
    rows = parts_of(request).fleet.facts.snapshots(found.runs, limit)
    points = [EquityPoint(timestamp=iso_utc(row["at_ns"]), equity=row["equity_micros"] / 1e6) for row in rows]
    return EquityOut(equity_curve=points[::-1])
