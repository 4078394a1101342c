"""Trading agents: every documented request and answer, limits at their bounds, names of the source."""

from __future__ import annotations

from typing import Any

import pytest
from installation import Service

EXAMPLE = {
    "name": "Intraday Momentum Hunter",
    "accountId": "TS_PAPER_001",
    "timeframe": "intraday",
    "strategies": ["breakout-volume-surge", "gap-and-go"],
    "riskLimits": {
        "maxPositionSize": 10000,
        "maxDailyLoss": 500,
        "maxConcurrentPositions": 5,
        "minConfidenceScore": 75,
        "maxPortfolioExposure": 50,
        "maxCorrelation": 0.7,
    },
}


@pytest.fixture(params=["/api/agents", "/v1/agents"])
def root(request: pytest.FixtureRequest) -> Any:
    """Both paths of the face."""
    return request.param


def test_the_examples_of_the_source(service: Service, root: str) -> None:
    created = service.post("trader", root, EXAMPLE, 201)
    assert {name: created[name] for name in EXAMPLE} == EXAMPLE
    assert created["active"] is True
    agent_id = created["id"]
    assert [agent["id"] for agent in service.get("trader", f"{root}?active=true")["agents"]] == [agent_id]
    assert service.get("trader", f"{root}?active=false")["agents"] == []
    detail = service.get("trader", f"{root}/{agent_id}")
    assert detail["agent"]["id"] == agent_id
    assert detail["portfolioState"] == service.get("trader", f"{root}/{agent_id}/portfolio")
    assert (detail["portfolioState"]["totalEquity"], detail["portfolioState"]["positions"]) == (100_000.0, {})
    changed = service.ask("trader", "PATCH", f"{root}/{agent_id}", 200, json={"riskLimits": {"maxPositionSize": 15000}})
    assert changed["riskLimits"] == {**EXAMPLE["riskLimits"], "maxPositionSize": 15000}
    assert (changed["version"], changed["runVersion"]) == (2, 1)  # the run keeps what it began with
    assert service.post("trader", f"{root}/{agent_id}/activate") == {"message": "Agent activated"}
    assert service.post("trader", f"{root}/{agent_id}/deactivate") == {"message": "Agent deactivated"}
    assert service.get("trader", f"{root}/{agent_id}/activity?limit=100") == {"activity": []}
    assert service.ask("trader", "DELETE", f"{root}/{agent_id}", 200) == {"message": "Agent deleted successfully"}
    service.get("trader", f"{root}/{agent_id}", 404)


def test_the_broker_that_is_not_there_says_so(service: Service, root: str) -> None:
    assert service.get("trader", f"{root}/auth/status")["authenticated"] is False
    assert service.get("trader", f"{root}/auth/url", 409)["code"] == "no_adapter"
    assert service.post("trader", f"{root}/auth/callback", {"code": "abc"}, 409)["code"] == "no_adapter"


@pytest.mark.parametrize(
    "limits",
    [
        {"maxPositionSize": 0},
        {"maxDailyLoss": -1},
        {"maxConcurrentPositions": 0},
        {"minConfidenceScore": 101},
        {"maxPortfolioExposure": 0},
        {"maxPortfolioExposure": 100.5},
        {"maxCorrelation": 1.1},
        {"maxLuck": 1},
    ],
)
def test_limits_out_of_bounds_are_refused_and_nothing_is_made(
    shared_service: Service, limits: dict[str, float]
) -> None:
    shared_service.post("other", "/v1/agents", {**EXAMPLE, "riskLimits": limits}, 422)
    assert shared_service.get("other", "/v1/agents")["agents"] == []


def test_a_change_is_checked_as_a_whole_and_changes_nothing_if_wrong(service: Service) -> None:
    made = service.post("trader", "/v1/agents", {**EXAMPLE, "active": False}, 201)
    path = f"/v1/agents/{made['id']}"
    for change in (
        {"riskLimits": {"maxCorrelation": 2}},
        {"strategies": ["nothing-of-that-name"]},
        {"symbols": ["A B"]},
    ):
        service.ask("trader", "PATCH", path, 422, json=change)
    assert service.get("trader", path)["agent"]["updatedAt"] == made["updatedAt"]


@pytest.mark.parametrize(
    ("name", "near"), [("momentun", "momentum"), ("breakout-volume", "breakout"), ("mean-revert", "mean_reversion")]
)
def test_an_unknown_strategy_is_refused_with_the_nearest_names(shared_service: Service, name: str, near: str) -> None:
    told = shared_service.post("other", "/v1/agents", {**EXAMPLE, "strategies": [name]}, 422)
    assert told["code"] == "unknown_name"
    assert near in told["message"]


def test_an_order_needs_an_agent_at_work(service: Service) -> None:
    made = service.post("trader", "/v1/agents", {**EXAMPLE, "active": False}, 201)
    order = {"agentId": made["id"], "symbol": "AAPL", "side": "Buy", "quantity": 1}
    assert service.post("trader", "/v1/agents/orders", order, 409)["code"] == "not_now"
    service.post("other", "/v1/agents/orders", order, 404)


def test_what_an_agent_without_a_run_has_done_is_nothing(service: Service, root: str) -> None:
    made = service.post("trader", root, {**EXAMPLE, "active": False}, 201)
    path = f"{root}/{made['id']}"
    assert service.get("trader", f"{path}/signals") == {"signals": []}
    assert service.get("trader", f"{path}/trades") == {"trades": []}
    assert service.get("trader", f"{path}/metrics") == {"metrics": []}
    assert service.get("trader", f"{path}/metrics/latest") is None
    assert service.get("trader", f"{path}/equity-curve") == {"equityCurve": []}
    assert service.get("trader", f"{root}/positions") == {"positions": []}
    assert service.get("trader", f"{root}/orders") == {"orders": []}
    account = service.get("trader", f"{root}/account?agentId={made['id']}")
    assert service.get("trader", f"{root}/accounts") == {"accounts": [account]}
    assert (account["accountId"], account["type"], account["cash"]) == ("TS_PAPER_001", "Paper", 100_000.0)
    assert service.post("trader", f"{path}/monitor/start") == {"message": "Monitoring started"}
    assert service.get("trader", "/v1/runs")["runs"][0]["wanted"] == "PAUSE"
    assert service.post("trader", f"{path}/monitor/stop") == {"message": "Monitoring stopped"}
