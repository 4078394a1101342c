"""A trading agent through HTTP only, with a real engine host that is killed on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hosting import hosted, push, until
from installation import Service, make_service

from tidemill.runtime.guard.halts import Rung
from tidemill.services.halting import halt

pytest_plugins = ["databases"]

AGENT = {
    "name": "End To End",
    "accountId": "TS_PAPER_009",
    "timeframe": "intraday",
    "strategies": ["meanReversion"],
    "riskLimits": {"minConfidenceScore": 0},
    "symbols": ["AAPL"],
    "interval": "1s",
}
ORDER = {"symbol": "AAPL", "side": "Buy", "orderType": "Market", "quantity": 10, "stopLoss": 90.0, "takeProfit": 110.0}


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """An installation on SQLite, and one on PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    yield from make_service(tmp_path, url)


def refused_when_halted(service: Service, agent_id: str) -> str:
    """Halt everything, and return what an order is answered then."""
    halt(service.parts.home, "system", Rung.CANCEL, "test", by="tester")
    order = {**ORDER, "agentId": agent_id, "takeProfit": 200.0}
    answer = until(
        lambda: service.client.post("/api/agents/orders", json=order, headers=service.headers("trader")),
        lambda answer: answer.status_code == 423,
        10.0,
    )
    return str(answer.json()["message"])


def test_an_agent_lives_from_creation_to_its_end(installation: Service) -> None:
    service = installation
    with hosted(service) as host:
        agent = service.post("trader", "/api/agents", AGENT, 201)
        path = f"/api/agents/{agent['id']}"
        assert agent["active"]
        until(lambda: service.get("trader", path)["agent"]["status"], lambda status: status == "RUNNING")
        push(service, "trader", "AAPL", 100.0, 100.5)
        taken = service.post(
            "trader", "/api/agents/orders", {**ORDER, "agentId": agent["id"]}, 201, headers={"Idempotency-Key": "one"}
        )
        assert taken["status"] == "WORKING"
        push(service, "trader", "AAPL", 101.0)
        held = until(lambda: service.get("trader", f"{path}/portfolio"), lambda money: money["positions"])
        assert held["positions"]["AAPL"]["shares"] == 10.0
        assert held["positions"]["AAPL"]["avgPrice"] == 101.0

        host.kill()
        assert host.again() < 10.0
        assert service.get("trader", f"{path}/portfolio")["positions"]["AAPL"]["shares"] == 10.0
        again = service.post(
            "trader", "/api/agents/orders", {**ORDER, "agentId": agent["id"]}, 201, headers={"Idempotency-Key": "one"}
        )
        assert again == taken  # asked once, however often it is sent

        push(service, "trader", "AAPL", 105.0, 110.5, 110.5)
        trade = until(
            lambda: service.get("trader", f"{path}/trades")["trades"],
            lambda trades: trades and trades[0]["status"] == "CLOSED",
        )[0]
        assert (trade["exitReason"], trade["positionSize"], trade["entryPrice"]) == ("TARGET_HIT", 10.0, 101.0)
        money = service.get("trader", path)["portfolioState"]
        assert money["totalPnL"] == trade["pnl"] == round((trade["exitPrice"] - 101.0) * 10.0, 2)
        assert money["cash"] == money["totalEquity"] == 100_000.0 + trade["pnl"]
        kinds = {row["activityType"] for row in service.get("trader", f"{path}/activity")["activity"]}
        assert {"ORDER_PLACED", "ORDER_FILLED", "POSITION_CLOSED"} <= kinds
        orders = service.get("trader", "/api/agents/orders")["orders"]
        assert [order["status"] for order in orders if order["orderId"] == taken["orderId"]] == ["FILLED"]
        assert service.get("trader", f"{path}/metrics/latest")["winningTrades"] == 1

        # Another quantity: the same order within two seconds looks like a mistake, also to an engine that was killed.
        another = {**ORDER, "agentId": agent["id"], "takeProfit": 200.0, "quantity": 9}
        service.post("trader", "/api/agents/orders", another, 201)
        push(service, "trader", "AAPL", 111.0)
        opened = until(
            lambda: service.get("trader", f"{path}/trades")["trades"][0], lambda one: one["status"] == "OPEN"
        )
        assert service.post("trader", f"{path}/trades/{opened['id']}/close")["status"] == "WORKING"
        push(service, "trader", "AAPL", 112.0)
        closed = until(
            lambda: service.get("trader", f"{path}/trades")["trades"][0], lambda one: one["status"] == "CLOSED"
        )
        assert (closed["id"], closed["exitReason"], closed["pnl"]) == (opened["id"], "MANUAL_EXIT", 9.0)
        service.post("trader", f"{path}/trades/{opened['id']}/close", status=409)
        followed = service.get("trader", f"{path}/recommendations")["recommendations"]
        assert [(item["side"], item["status"]) for item in followed] == [("LONG", "EXECUTED")] * 2

        assert "halted" in refused_when_halted(service, agent["id"])

        assert service.post("trader", f"{path}/deactivate") == {"message": "Agent deactivated"}
        assert service.get("trader", path)["agent"]["status"] == "STOPPED"
        run = service.get("trader", "/v1/runs")["runs"][0]
        assert (run["status"], run["is_active"]) == ("STOPPED", False)
        parity = service.get("trader", f"/v1/runs/{run['run_id']}/parity")["report"]
        assert parity["decisions"]["percent"] == 100.0
        assert service.ask("trader", "DELETE", path, 200) == {"message": "Agent deleted successfully"}
        service.get("trader", path, 404)
