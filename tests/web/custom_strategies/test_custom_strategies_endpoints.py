"""Custom strategies over HTTP: kept, changed, shared; checked at their exact places; whose tier has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from installation import Service

from patience import stretch

# As the documentation prints it.
EXAMPLE: dict[str, Any] = {
    "buy_conditions": {
        "type": "and",
        "children": [
            {"type": "indicator", "indicator": {"type": "sma", "period": 20, "condition": "above", "value": 100}},
            {"type": "indicator", "indicator": {"type": "rsi", "period": 14, "condition": "below", "value": 30}},
        ],
    },
    "sell_conditions": {
        "type": "indicator",
        "indicator": {"type": "rsi", "period": 14, "condition": "above", "value": 70},
    },
}
READING = "Buy when SMA(20) is above 100 and RSI(14) is below 30.\nSell when RSI(14) is above 70."


@pytest.fixture(params=["/api/custom-strategies", "/v1/custom-strategies"])
def root(request: pytest.FixtureRequest) -> Any:
    """Both paths of the face."""
    return request.param


def test_a_custom_strategy_lives_from_create_to_delete(service: Service, root: str) -> None:
    made = service.post("trader", root, {"name": "Dips", **EXAMPLE}, 201)
    assert (made["user_id"], made["name"]) == (service.users["trader"].user_id, "Dips")
    assert (made["is_active"], made["is_public"]) == (True, False)
    assert made["reading"] == READING
    assert (made["buy_conditions"], made["sell_conditions"]) == (EXAMPLE["buy_conditions"], EXAMPLE["sell_conditions"])
    path = f"{root}/{made['id']}"
    assert service.get("trader", path) == made
    assert service.get("trader", root)["strategies"] == [made]
    changed = service.ask("trader", "PUT", path, 200, json={"description": "of a trend", "is_active": False})
    assert (changed["description"], changed["name"], changed["is_active"]) == ("of a trend", "Dips", False)
    assert service.get("trader", f"{root}?active=true")["strategies"] == []
    service.ask("other", "PUT", path, 404, json={"name": "mine now"})
    service.ask("other", "DELETE", path, 404)
    service.ask("trader", "DELETE", path, 204)
    service.get("trader", path, 404)


def test_names_are_unique_for_each_person(service: Service) -> None:
    service.post("trader", "/v1/custom-strategies", {"name": "Dips", **EXAMPLE}, 201)
    told = service.post("trader", "/v1/custom-strategies", {"name": "Dips", **EXAMPLE}, 409)
    assert (told["code"], told["field"]) == ("name_taken", "body.name")
    other = service.post("other", "/v1/custom-strategies", {"name": "Dips", **EXAMPLE}, 201)
    second = service.post("other", "/v1/custom-strategies", {"name": "Dips 2", **EXAMPLE}, 201)
    path = f"/v1/custom-strategies/{second['id']}"
    assert service.ask("other", "PUT", path, 409, json={"name": other["name"]})["code"] == "name_taken"


@pytest.mark.parametrize("name", ["free", "basic"])
def test_the_tiers_below_have_none_and_may_look_at_what_they_kept(service: Service, name: str) -> None:
    for path, body in (
        ("", {"name": "Dips", **EXAMPLE}),
        ("/validate", EXAMPLE),
        ("/test", {**EXAMPLE, "price_data": [1.0] * 30}),
    ):
        told = service.post(name, f"/api/custom-strategies{path}", body, 403)
        assert told["details"] == {"required": ["PREMIUM", "ENTERPRISE"], "current": name.upper()}
    assert service.get(name, "/api/custom-strategies") == {"strategies": []}


def test_public_ones_are_seen_and_used_by_all_and_changed_by_one(service: Service, root: str) -> None:
    made = service.post("trader", root, {"name": "Shared", "is_public": True, **EXAMPLE}, 201)
    hidden = service.post("trader", root, {"name": "Mine", **EXAMPLE}, 201)
    seen = service.get("other", f"{root}/public")["strategies"]
    assert [item["id"] for item in seen] == [made["id"]]
    assert seen[0]["user_id"] is None  # whose it is, is nobody's business
    assert service.get("other", f"{root}/{made['id']}")["name"] == "Shared"
    service.get("other", f"{root}/{hidden['id']}", 404)
    service.ask("other", "PUT", f"{root}/{made['id']}", 404, json={"name": "x"})
    run = {"strategy": "custom", "symbols": ["AAPL"], "startDate": "2023-01-01", "customStrategyId": made["id"]}
    assert service.post("other", "/v1/backtests/run", run)["strategyType"] == "custom"
    service.post("other", "/v1/backtests/run", {**run, "customStrategyId": hidden["id"]}, 404)


def test_validation_tells_each_place(shared_service: Service, root: str) -> None:
    good = shared_service.post("trader", f"{root}/validate", EXAMPLE)
    assert (good["valid"], good["errors"], good["reading"], good["needed_bars"]) == (True, [], READING, 20)
    assert [(item["path"], item["code"]) for item in good["warnings"]] == [("sell_conditions", "single_indicator")]
    assert all(item["message"] and item["hint"] for item in good["warnings"])
    broken = json.loads(json.dumps(EXAMPLE))
    broken["buy_conditions"]["children"][1]["indicator"]["period"] = 0
    broken["sell_conditions"] = {"type": "and", "children": [EXAMPLE["sell_conditions"]]}
    found = shared_service.post("trader", f"{root}/validate", broken)
    assert found["valid"] is False
    assert [(item["path"], item["code"]) for item in found["errors"]] == [
        ("buy_conditions.children[1].indicator.period", "out_of_bounds"),
        ("sell_conditions.children", "too_few_children"),
        ("sell_conditions", "no_indicator"),
    ]
    for missing in ({}, {"buy_conditions": EXAMPLE["buy_conditions"]}, {"buy_conditions": 5, "sell_conditions": "x"}):
        assert shared_service.post("trader", f"{root}/validate", missing)["valid"] is False


def test_what_is_kept_can_be_used(shared_service: Service) -> None:
    told = shared_service.post(
        "trader", "/v1/custom-strategies", {"name": "No", **EXAMPLE, "sell_conditions": {"type": "or"}}, 422
    )
    assert told["code"] == "bad_conditions"
    assert told["field"] == told["details"]["errors"][0]["path"] == "sell_conditions.children"
    same = {"name": "No", "buy_conditions": EXAMPLE["sell_conditions"], "sell_conditions": EXAMPLE["sell_conditions"]}
    codes = [
        item["code"] for item in shared_service.post("trader", "/v1/custom-strategies", same, 422)["details"]["errors"]
    ]
    assert codes == ["identical_sides"]


def test_prices_tried_give_the_signal_of_the_trading_kernel(shared_service: Service, root: str) -> None:
    falling = [200.0 - step for step in range(40)]
    found = shared_service.post("trader", f"{root}/test", {**EXAMPLE, "price_data": falling})
    assert (found["signal"], found["bars"], found["needed_bars"]) == ("BUY", 40, 20)
    assert [row["met"] for row in found["conditions"]] == [True, True, False]
    candles = [{"open": price, "high": price + 1, "low": price - 1, "close": price, "volume": 5} for price in falling]
    assert shared_service.post("trader", f"{root}/test", {**EXAMPLE, "price_data": candles})["signal"] == "BUY"
    rising = shared_service.post("trader", f"{root}/test", {**EXAMPLE, "price_data": falling[::-1]})
    assert rising["signal"] == "SELL"
    short = shared_service.post("trader", f"{root}/test", {**EXAMPLE, "price_data": falling[:9]})
    assert (short["signal"], short["conditions"][0]["met"]) == (None, None)


@pytest.mark.parametrize(
    "wrong", [[], [0], [-1.0], ["a"], [{"open": 1.0}], [{"close": 1, "high": 0.5, "low": 2}], None]
)
def test_prices_that_cannot_be_are_refused(shared_service: Service, wrong: Any) -> None:
    shared_service.post("trader", "/v1/custom-strategies/test", {**EXAMPLE, "price_data": wrong}, 422)


def nested(levels: int) -> str:
    """Return a document whose buying side lies so many levels deep, as text: no encoder would write it."""
    node = json.dumps(EXAMPLE["sell_conditions"])
    deep = '{"type":"not","child":' * levels + node + "}" * levels
    return f'{{"name":"Deep","buy_conditions":{deep},"sell_conditions":{node}}}'


@pytest.mark.parametrize("path", ["", "/validate", "/test"])
def test_a_tree_of_ten_thousand_levels_is_refused_before_anything_parses_it(
    shared_service: Service, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def parse(*_args: Any, **_more: Any) -> Any:
        raise AssertionError("it was parsed")

    text = nested(10_000)
    assert len(text) > 200_000
    headers = {**shared_service.headers("trader"), "Content-Type": "application/json"}
    with monkeypatch.context() as patched:
        patched.setattr("starlette.requests.json.loads", parse)
        answer = shared_service.client.post(f"/v1/custom-strategies{path}", content=text, headers=headers)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (422, "too_deep")
    assert (
        answer.elapsed.total_seconds() < 5.0 * stretch()
    )  # a walk over the bytes; the exact figure is on the page of jobs


def test_a_tree_a_level_too_deep_is_told_where(shared_service: Service) -> None:
    found = shared_service.post("trader", "/v1/custom-strategies/validate", json.loads(nested(12)))
    assert [item["code"] for item in found["errors"]] == ["too_deep", "no_indicator"]
    assert shared_service.post("trader", "/v1/custom-strategies/validate", json.loads(nested(11)))["valid"] is True


def test_the_alias_of_the_documentation_makes_one(service: Service) -> None:
    made = service.post("trader", "/api/strategies/custom", {"name": "Builder", **EXAMPLE}, 201)
    assert service.get("trader", f"/api/custom-strategies/{made['id']}") == made
