"""The live strategy a path names, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from tidemill.services.faces.live_strategies import status_of
from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.facts import Facts, Row, number
from tidemill.services.fleet.runs import OwnedRun
from tidemill.web.access import Scope
from tidemill.web.live_trading.schemas import LiveStrategyResponse, PositionResponse, SignalHistoryResponse
from tidemill.web.parts import Parts, parts_of
from tidemill.web.times import iso_utc

__all__ = ["FACE", "Found", "FoundStrategy", "all_of", "told", "told_positions", "told_signals"]

FACE = "live_strategy"


@dataclass(frozen=True, slots=True)
class Found:
    """A live strategy of the caller's, and its newest run."""

    agent: Agent
    run: OwnedRun | None

    @property
    def runs(self) -> list[OwnedRun]:
        """Return the newest run, if there is one."""
        return [self.run] if self.run is not None else []

    @property
    def status(self) -> str:
        """Return how it stands."""
        return status_of(self.run)


def _found(parts: Parts, scope: Scope, agent: Agent) -> Found:
    return Found(agent, parts.fleet.runs.get(scope, agent.run_id) if agent.run_id else None)


def _find(request: Request, scope: Scope, live_id: Annotated[int, Path(ge=1, lt=1 << 63)]) -> Found:
    parts = parts_of(request)
    return _found(parts, scope, parts.fleet.agents.get(scope, FACE, live_id))


FoundStrategy = Annotated[Found, Depends(_find)]


def all_of(parts: Parts, scope: Scope) -> list[Found]:
    """Return all of somebody's live strategies, oldest first."""
    return [_found(parts, scope, agent) for agent in parts.fleet.agents.list(scope, FACE)]


def told(facts: Facts, found: Found) -> LiveStrategyResponse:
    """Return a live strategy with what it has done."""
    agent, run, face = found.agent, found.run, found.agent.face_values
    money = facts.portfolio_of(run, agent.spec.run.cash, agent.created_ns)
    figures = next(iter(facts.metrics(found.runs, 1)), None)
    newest = next(iter(facts.signals(found.runs, 1)), None)
    seen = facts.view(run) if run is not None else {}
    return LiveStrategyResponse(
        id=agent.number,
        user_id=agent.user_id,
        strategy_id=face["strategy_id"],
        name=agent.name,
        symbols=list(agent.spec.symbols),
        status=found.status,
        check_interval=face["check_interval"],
        auto_execute=agent.spec.auto_execute,
        max_position_size=face["max_position_size"],
        max_positions=face["max_positions"],
        daily_loss_limit=face["daily_loss_limit"],
        position_size_pct=face["position_size_pct"],
        total_signals=facts.count_signals(found.runs),
        executed_trades=int(seen.get("fills", 0)),
        current_positions=money.open_trades,
        daily_pnl=money.daily_pnl,
        total_pnl=money.total_pnl,
        win_rate=figures["win_rate_pct"] / 100.0 if figures and figures["win_rate_pct"] is not None else None,
        last_check=iso_utc(seen["market_ns"]) if seen.get("market_ns") else None,
        last_signal=iso_utc(newest["at_ns"]) if newest is not None else None,
        state={name: seen[name] for name in ("bars", "events", "orders", "fills", "trips") if name in seen},
        error_message=(run.message or None) if run is not None else None,
        started_at=iso_utc(run.started_ns) if run is not None else None,
        stopped_at=iso_utc(run.ended_ns) if run is not None and run.ended_ns else None,
        created_at=iso_utc(agent.created_ns),
        updated_at=iso_utc(agent.updated_ns),
        run_id=run.run_id if run is not None else None,
        feed="SIMULATED" if agent.spec.feed.kind == "synthetic" else agent.spec.feed.kind,
    )


def told_signals(rows: Sequence[Row], strategies: Sequence[Found]) -> list[SignalHistoryResponse]:
    """Return signals with the number of the live strategy each is of."""
    numbers = {found.run.run_id: found.agent.number for found in strategies if found.run is not None}
    return [_signal(row, numbers[row["run_id"]]) for row in rows]


def _signal(row: Row, live_strategy: int) -> SignalHistoryResponse:
    return SignalHistoryResponse(
        id=f"{row['run_id']}-{row['number']}",
        live_strategy_id=live_strategy,
        symbol=row["symbol"] or "",
        signal_type=row["side"] or "HOLD",
        strength=row["strength"],
        price=number(row["price"]),
        volume=number(row["volume"]),
        indicators=json.loads(row["features_json"] or "{}"),
        executed=bool(row["executed"]),
        execution_price=number(row["execution_price"]),
        execution_time=iso_utc(row["execution_ns"]) if row["execution_ns"] else None,
        execution_error=row["error"] or None,
        order_id=row["client_id"] or None,
        timestamp=iso_utc(row["at_ns"] or 0),
    )


def told_positions(facts: Facts, strategies: Sequence[Found]) -> list[PositionResponse]:
    """Return the open positions of live strategies."""
    by_run = {found.run.run_id: found.agent for found in strategies if found.run is not None}
    return [
        PositionResponse(
            strategy_id=by_run[item.run_id].number,
            strategy_name=by_run[item.run_id].name,
            symbol=item.symbol,
            quantity=item.quantity,
            average_price=item.average_price,
            current_price=item.market_price,
            market_value=item.market_value,
            unrealized_pnl=item.unrealised,
            unrealized_pnl_pct=item.unrealised_pct,
            opened_at=iso_utc(item.opened_ns) if item.opened_ns else None,
        )
        for item in facts.positions([found.run for found in strategies if found.run is not None])
    ]
