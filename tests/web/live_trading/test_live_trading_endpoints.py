"""Live strategies: every documented request and answer, what is refused while one is at work, names and numbers."""

from __future__ import annotations

from typing import Any

import pytest
from installation import Service

EXAMPLE = {
    "name": "My First Auto Strategy",
    "strategy_id": 1,
    "symbols": ["AAPL", "MSFT"],
    "check_interval": 300,
    "auto_execute": False,
    "max_positions": 5,
    "max_position_size": 1000,
    "daily_loss_limit": 500,
    "position_size_pct": 0.02,
}


@pytest.fixture(params=["/api/v1/live-trading", "/v1/live-strategies"])
def root(request: pytest.FixtureRequest) -> Any:
    """Both paths of the face."""
    return request.param


def test_the_examples_of_the_source(service: Service, root: str) -> None:
    login = service.post("", "/api/v1/auth/login", {"email": "trader@example.com", "password": "correct horse battery"})
    assert login["access_token"]
    made = service.post("trader", f"{root}/strategies", EXAMPLE, 201)
    assert {name: made[name] for name in EXAMPLE} == EXAMPLE
    assert (made["status"], made["user_id"]) == ("STOPPED", service.users["trader"].user_id)
    assert [item["id"] for item in service.get("trader", f"{root}/strategies")] == [made["id"]]
    path = f"{root}/strategies/{made['id']}"
    assert service.get("trader", path)["id"] == made["id"]
    assert service.post("trader", f"{path}/start")["success"] is True
    assert [item["id"] for item in service.get("trader", f"{root}/strategies?status=ACTIVE")] == [made["id"]]
    assert service.get("trader", f"{root}/strategies?status=stopped") == []
    page = service.get("trader", f"{root}/dashboard")
    assert page["summary"] == {
        "active_strategies": 1,
        "total_strategies": 1,
        "signals_today": 0,
        "trades_today": 0,
        "total_pnl": 0.0,
        "daily_pnl": 0.0,
        "active_positions": 0,
    }
    assert [item["id"] for item in page["active_strategies"]] == [made["id"]]
    assert (
        service.get("trader", f"{root}/signals/recent?limit=200&symbol=AAPL&signal_type=BUY&executed_only=true") == []
    )
    assert service.get("trader", f"{root}/positions") == []
    status = service.get("trader", f"{path}/status")
    assert (status["is_running"], status["recent_signals"], status["strategy"]["id"]) == (True, [], made["id"])


def test_what_is_at_work_is_stopped_before_it_is_changed_or_deleted(service: Service, root: str) -> None:
    made = service.post("trader", f"{root}/strategies", EXAMPLE, 201)
    path = f"{root}/strategies/{made['id']}"
    service.post("trader", f"{path}/pause", status=409)
    service.post("trader", f"{path}/start")
    for method, body in (("PUT", {"check_interval": 600}), ("DELETE", None)):
        told = service.ask("trader", method, path, 409, json=body)
        assert "stop it first" in told["message"]
    service.post("trader", f"{path}/pause")
    told = service.ask("trader", "PUT", path, 409, json={"max_positions": 20, "symbols": ["MSFT"]})
    assert "symbols, more than 5 max_positions cannot change" in told["message"]
    service.post("trader", f"{path}/stop")
    assert service.get("trader", "/v1/runs")["runs"][0]["wanted"] == "STOP"


def test_a_stopped_one_is_changed_and_its_next_run_is_another(service: Service) -> None:
    made = service.post("trader", "/v1/live-strategies/strategies", EXAMPLE, 201)
    path = f"/v1/live-strategies/strategies/{made['id']}"
    changed = service.ask("trader", "PUT", path, 200, json={"max_positions": 6, "strategy_id": "momentum"})
    assert (changed["max_positions"], changed["strategy_id"], changed["name"]) == (6, "momentum", EXAMPLE["name"])
    service.ask("trader", "DELETE", path, 204)
    service.get("trader", path, 404)
    assert service.get("trader", "/v1/live-strategies/strategies") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"check_interval": 59},
        {"check_interval": 3601},
        {"max_positions": 0},
        {"max_positions": 21},
        {"max_position_size": 0},
        {"daily_loss_limit": -5},
        {"position_size_pct": 0.0005},
        {"position_size_pct": 0.6},
        {"strategy_id": 0},
        {"strategy_id": 99},
        {"strategy_id": "no-such-thing"},
        {"symbols": []},
        {"symbols": ["not a symbol!"]},
        {"parameters": {"no_such_parameter": 1}},
        {"feed": "replay:../../etc/passwd"},
        {"feed": {"kind": "synthetic", "speed": 5000}},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_is_refused(shared_service: Service, wrong: dict[str, Any]) -> None:
    shared_service.post("other", "/v1/live-strategies/strategies", {**EXAMPLE, **wrong}, 422)
    assert shared_service.get("other", "/v1/live-strategies/strategies") == []


def test_users_see_only_their_own(service: Service, root: str) -> None:
    made = service.post("trader", f"{root}/strategies", EXAMPLE, 201)
    assert service.get("other", f"{root}/strategies") == []
    for method in ("GET", "PUT", "DELETE"):
        service.ask("other", method, f"{root}/strategies/{made['id']}", 404, json={} if method == "PUT" else None)
