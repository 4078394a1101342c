"""The sources' table names exist as views, with what the API tells, in SQLite and in PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hosting import ALWAYS, hosted, push, until
from installation import Service, make_service
from sqlalchemy import text

from tidemill.adapters.sql.views import VIEWS

pytest_plugins = ["databases"]


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """An installation on SQLite, and one on PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    yield from make_service(tmp_path, url)


def rows(service: Service, view: str) -> list[dict[str, Any]]:
    """Ask as somebody at a SQL prompt would."""
    if service.parts.database.file is None:
        return [dict(row) for row in service.parts.database.rows(text(f"SELECT * FROM {view}"))]
    with closing(sqlite3.connect(service.parts.database.file)) as prompt:
        prompt.row_factory = sqlite3.Row
        return [dict(row) for row in prompt.execute(f"SELECT * FROM {view}")]


def test_views_tell_what_the_api_tells(installation: Service) -> None:
    service = installation
    with hosted(service):
        agent = {
            "name": "View",
            "accountId": "TS_1",
            "timeframe": "intraday",
            "strategies": ["momentum"],
            "interval": "1s",
        }
        limits = {"riskLimits": {"minConfidenceScore": 0}, "symbols": ["BTCUSD"]}
        made = service.post("trader", "/api/agents", {**agent, **limits}, 201)
        session = {"symbols": ["BTCUSD"], "strategy": "momentum", "settings": ALWAYS, "initialCash": 5_000}
        started = service.post("trader", "/api/trading/sessions/start", session, 201)["session"]
        live = {"name": "Live", "strategy_id": 1, "symbols": ["BTCUSD"]}
        strategy = service.post("trader", "/api/v1/live-trading/strategies", live, 201)
        until(lambda: service.get("trader", f"/api/agents/{made['id']}")["agent"]["status"], "RUNNING".__eq__)
        push(service, "trader", "BTCUSD", 100.0)
        order = {"agentId": made["id"], "symbol": "BTCUSD", "side": "Buy", "quantity": 1, "takeProfit": 110}
        taken = service.post("trader", "/api/agents/orders", order, 201)
        push(service, "trader", "BTCUSD", 101.0, 111.0, 111.0)
        until(lambda: rows(service, "executed_trades"), lambda found: found and found[0]["status"] == "CLOSED")
        assert {name: len(rows(service, name)) for name in VIEWS if name != "agent_activity_log"} == {
            "executed_trades": 1,
            "live_signals": 1,
            "live_strategies": 1,
            "signal_history": 0,
            "trades": 2,
            "trading_agents": 1,
            "trading_sessions": 1,
            "tradestation_orders": 2,
        }
        told = rows(service, "trading_agents")[0]
        assert (told["id"], told["account_id"], told["created_at"]) == (made["id"], "TS_1", made["createdAt"])
        trade = rows(service, "executed_trades")[0]
        assert (trade["agent_id"], trade["entry_price"], trade["exit_reason"]) == (made["id"], 101.0, "TAKE_PROFIT")
        assert taken["orderId"] in {row["order_id"] for row in rows(service, "tradestation_orders")}
        assert {row["status"] for row in rows(service, "live_signals")} == {"EXECUTED"}
        one = rows(service, "trading_sessions")[0]
        assert (one["id"], one["status"], float(one["initial_cash"])) == (started["id"], "ACTIVE", 5_000.0)
        assert (rows(service, "live_strategies")[0]["id"], rows(service, "live_strategies")[0]["status"]) == (
            strategy["id"],
            "STOPPED",
        )
        assert sorted(row["pnl"] or 0.0 for row in rows(service, "trades")) == [0.0, trade["pnl"]]
        assert "ORDER" in {row["activity_type"] for row in rows(service, "agent_activity_log")}
