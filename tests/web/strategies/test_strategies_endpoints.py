"""Kept strategies over HTTP: a person's own, public ones, and static paths before those that take a number."""

from __future__ import annotations

from typing import Any

import pytest
from installation import Service

BODY = {"name": "Slow reversion", "strategy_type": "meanReversion", "config": {"window": 50, "threshold": 0.08}}


@pytest.fixture(params=["/api/strategies", "/v1/strategies"])
def root(request: pytest.FixtureRequest) -> Any:
    """Both paths of the face."""
    return request.param


def own(service: Service, root: str, name: str) -> str:
    return f"{root}/users/{service.users[name].user_id}/strategies"


def test_a_strategy_lives_from_create_to_delete(service: Service, root: str) -> None:
    made = service.post("trader", own(service, root, "trader"), BODY, 201)
    assert made["user_id"] == service.users["trader"].user_id
    assert (made["strategy_type"], made["config"]) == ("mean_reversion", BODY["config"])
    assert (made["is_active"], made["is_public"], made["backtest_results"]) == (True, False, None)
    path = f"{root}/{made['id']}"
    assert service.get("trader", path) == made
    assert service.get("trader", own(service, root, "trader"))["strategies"] == [made]
    changed = service.ask("trader", "PUT", path, 200, json={"config": {"parameters": {"window": 60}}})
    assert (changed["config"], changed["name"]) == ({"parameters": {"window": 60}}, "Slow reversion")
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        service.ask("other", method, path, 404, json=body)
    service.ask("trader", "DELETE", path, 204)
    service.get("trader", path, 404)


@pytest.mark.parametrize(
    "wrong",
    [
        {"strategy_type": "nothing"},
        {"strategy_type": "conditions"},
        {"strategy_type": "custom", "config": {}},
        {"strategy_type": "custom", "config": {"customStrategyId": "one"}},
        {"config": {"luck": 7}},
        {"config": {"window": -1}},
        {"name": ""},
        {"name": "x" * 101},
        {"no_such_field": 1},
    ],
)
def test_what_cannot_be_traded_is_not_kept(shared_service: Service, wrong: dict[str, Any]) -> None:
    path = own(shared_service, "/api/strategies", "trader")
    shared_service.post("trader", path, {**BODY, **wrong}, 422)
    assert shared_service.get("trader", path)["strategies"] == []


def test_public_ones_by_type_come_before_numbers(service: Service, root: str) -> None:
    path = own(service, root, "trader")
    first = service.post("trader", path, {**BODY, "is_public": True}, 201)
    second = service.post("trader", path, {"name": "Moves", "strategy_type": "momentum", "is_public": True}, 201)
    service.post("trader", path, {"name": "Hidden", "strategy_type": "momentum"}, 201)
    seen = service.get("other", f"{root}/public")["strategies"]
    assert [item["id"] for item in seen] == [second["id"], first["id"]]
    assert {item["user_id"] for item in seen} == {None}
    for name in ("meanReversion", "mean_reversion", "mean-reversion"):
        found = service.get("other", f"{root}/public/{name}")["strategies"]
        assert [item["id"] for item in found] == [first["id"]]
    assert service.get("other", f"{root}/public/custom")["strategies"] == []
    service.get("other", f"{root}/public/nothing", 422)
    assert service.get("other", f"{root}/{first['id']}")["name"] == BODY["name"]


def test_names_are_unique_and_paths_name_oneself(service: Service) -> None:
    path = own(service, "/v1/strategies", "trader")
    service.post("trader", path, BODY, 201)
    assert service.post("trader", path, BODY, 409)["code"] == "name_taken"
    service.post("other", own(service, "/v1/strategies", "other"), BODY, 201)
    service.post("other", path, {**BODY, "name": "x"}, 404)
    service.get("owner", path, 404)


def test_a_kept_strategy_is_traded_live_by_its_number(service: Service) -> None:
    made = service.post("trader", own(service, "/v1/strategies", "trader"), BODY, 201)
    body = {"name": "Live", "strategy_id": made["id"], "symbols": ["AAPL"]}
    live = service.post("trader", "/api/v1/live-trading/strategies", body, 201)
    assert live["strategy_id"] == made["id"]
