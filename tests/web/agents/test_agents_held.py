"""What still holds something is not deleted (O7): the refusal names what, and the way it tells leads to the end."""

from __future__ import annotations

from typing import Any

from hosting import hosted, push, until
from installation import Service

AGENT = {
    "name": "Held",
    "accountId": "H1",
    "timeframe": "intraday",
    "strategies": ["meanReversion"],
    "riskLimits": {"minConfidenceScore": 0},
    "symbols": ["BTCUSD"],
    "interval": "1s",
}
ORDER = {"symbol": "BTCUSD", "side": "Buy", "orderType": "Market", "quantity": 10, "stopLoss": 50.0}


def refused(service: Service, path: str) -> str:
    answer: dict[str, Any] = service.ask("trader", "DELETE", path, 409)
    assert answer["code"] == "not_now" and "holds 10 BTCUSD" in answer["message"]
    return str(answer["message"])


def working(service: Service, path: str) -> None:
    until(lambda: service.get("trader", path)["agent"]["status"], lambda status: status == "RUNNING")


def test_an_agent_that_holds_something_is_closed_out_before_it_is_deleted(service: Service) -> None:
    with hosted(service):
        agent = service.post("trader", "/api/agents", AGENT, 201)
        path = f"/api/agents/{agent['id']}"
        working(service, path)
        push(service, "trader", "BTCUSD", 100.0, 100.5)
        service.post("trader", "/api/agents/orders", {**ORDER, "agentId": agent["id"]}, 201)
        push(service, "trader", "BTCUSD", 101.0)
        until(lambda: service.get("trader", f"{path}/portfolio")["positions"], bool)
        assert "start it" not in refused(service, path)
        assert service.get("trader", path)["agent"]["status"] == "RUNNING"  # refused: it is left alone

        service.post("trader", f"{path}/deactivate")
        assert "start it, close" in refused(service, path)

        service.post("trader", f"{path}/activate")
        working(service, path)
        run_id = service.get("trader", "/v1/runs")["runs"][0]["run_id"]
        service.post("trader", "/v1/halt", {"scope": f"run:{run_id}", "rung": "flatten"}, 200)
        push(service, "trader", "BTCUSD", 102.0)
        until(lambda: service.get("trader", f"{path}/portfolio")["positions"], lambda held: not held)
        assert service.ask("trader", "DELETE", path, 200) == {"message": "Agent deleted successfully"}
        service.get("trader", path, 404)
