"""Entries that a person approves, limits that change at work, orders under a key, with a real engine host."""

from __future__ import annotations

from typing import Any

from hosting import hosted, push, until
from installation import Service

AGENT = {
    "name": "Approved",
    "accountId": "PAPER",
    "timeframe": "intraday",
    "strategies": ["buy_and_hold"],
    "riskLimits": {"maxPositionSize": 1_000_000, "maxPortfolioExposure": 100},
    "symbols": ["BTCUSD"],
    "interval": "1s",
    "requireApproval": True,
}


def waiting(service: Service, path: str) -> list[dict[str, Any]]:
    """Return the recommendations that wait; prices go on, so that bars close."""
    push(service, "trader", "BTCUSD", 100.0)
    told = service.get("trader", f"{path}/recommendations")["recommendations"]
    return [item for item in told if item["status"] == "PENDING"]


def begun(service: Service, **more: Any) -> str:
    agent = service.post("trader", "/v1/agents", {**AGENT, **more}, 201)
    path = f"/v1/agents/{agent['id']}"
    until(lambda: service.get("trader", path)["agent"]["status"], lambda status: status == "RUNNING")
    return path


def test_an_entry_waits_for_a_person_and_leaves_once_it_is_approved(service: Service) -> None:
    with hosted(service):
        path = begun(service)
        item = until(lambda: waiting(service, path), bool)[0]
        assert (item["ticker"], item["side"]) == ("BTCUSD", "LONG")
        assert item["expiresAt"] > item["createdAt"]
        assert service.get("trader", "/v1/agents/orders")["orders"] == []
        service.post("other", f"{path}/recommendations/{item['id']}/approve", None, 404)
        key = {"Idempotency-Key": "yes"}
        taken = service.post("trader", f"{path}/recommendations/{item['id']}/approve", None, headers=key)
        assert taken["orderId"]
        again = service.post("trader", f"{path}/recommendations/{item['id']}/approve", None, headers=key)
        assert again == taken
        service.post("trader", f"{path}/recommendations/{item['id']}/approve", None, 409)
        push(service, "trader", "BTCUSD", 100.0)
        assert until(lambda: service.get("trader", f"{path}/portfolio")["positions"], bool)


def test_a_rejected_entry_never_leaves_and_is_told_as_refused(service: Service) -> None:
    with hosted(service):
        path = begun(service)
        item = until(lambda: waiting(service, path), bool)[0]
        told = service.post("trader", f"{path}/recommendations/{item['id']}/reject")
        assert told["message"] == "Recommendation rejected"
        refused = until(
            lambda: service.get("trader", f"{path}/recommendations")["recommendations"],
            lambda found: [row for row in found if row["status"] == "REFUSED"],
        )
        assert any("gate said no" in row["reasoning"] for row in refused)
        assert service.get("trader", "/v1/agents/orders")["orders"] == []


def test_new_limits_reach_the_run_at_work_and_an_order_is_asked_once(service: Service) -> None:
    with hosted(service):
        path = begun(service, strategies=["momentum"], requireApproval=False)
        push(service, "trader", "BTCUSD", 100.0)
        order = {"agentId": path.rpartition("/")[2], "symbol": "BTCUSD", "side": "Buy", "quantity": 10}
        limit = {"orderType": "Limit", "limitPrice": 50.0, "timeInForce": "DAY"}
        changed = service.ask("trader", "PATCH", path, 200, json={"riskLimits": {"maxPositionSize": 100}})
        assert changed["inForce"] == {"limits": "now"}
        refused = service.post("trader", "/v1/agents/orders", {**order, **limit}, 201)
        assert refused["status"] == "REJECTED" and "100" in refused["message"]
        changed = service.ask(
            "trader", "PATCH", path, 200, json={"riskLimits": {"maxPositionSize": 5_000}, "autoExecute": True}
        )
        assert changed["inForce"] == {"limits": "now", "autoExecute": "next_run"}
        answers = [
            service.client.post(
                "/v1/agents/orders",
                json={**order, **limit},
                headers={**service.headers("trader"), "Idempotency-Key": "one"},
            )
            for _ in range(2)
        ]
        assert [answer.json()["status"] for answer in answers] == ["WORKING", "WORKING"]
        assert [answer.headers.get("idempotent-replay") for answer in answers] == [None, "true"]
        assert answers[0].json() == answers[1].json()
        assert (
            len([row for row in service.get("trader", "/v1/agents/orders")["orders"] if row["status"] == "WORKING"])
            == 1
        )
