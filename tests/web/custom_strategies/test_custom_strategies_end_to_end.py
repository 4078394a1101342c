"""The documented example, from its validation to an order: checked, tried, tested on the past, traded."""

from __future__ import annotations

from itertools import count
from typing import Any

from hosting import ALWAYS, hosted, push, until
from installation import Service
from test_custom_strategies_endpoints import EXAMPLE

# A market that never closes: bars are made at whatever time the tests run.
MARKET: dict[str, Any] = {"symbols": ["BTCUSD"], "interval": "1s", "settings": {**ALWAYS, "position_size_value": 20.0}}


def test_the_example_goes_all_the_way_to_an_order(service: Service) -> None:
    assert service.post("premium", "/api/custom-strategies/validate", EXAMPLE)["valid"] is True
    falling = [200.0 - step for step in range(40)]
    tried = service.post("premium", "/api/custom-strategies/test", {**EXAMPLE, "price_data": falling})
    assert tried["signal"] == "BUY"
    made = service.post("premium", "/api/custom-strategies", {"name": "Dips of a trend", **EXAMPLE}, 201)

    run = {"strategy": "custom", "customStrategyId": made["id"], "symbols": ["AAPL"], "startDate": "2020-01-01"}
    tested = service.post("premium", "/api/backtest/run", run)
    assert (tested["strategy"], tested["strategyType"]) == ("Dips of a trend", "custom")
    inline = service.post(
        "premium",
        "/api/backtest/run",
        {"strategy": "custom", "symbols": ["AAPL"], "startDate": "2020-01-01", **EXAMPLE},
    )
    assert inline["trades"] == tested["trades"] != []
    kept = service.get("premium", f"/api/performance/strategy-id/{made['id']}")["performances"]
    assert [(item["id"], item["strategy_name"]) for item in kept] == [(tested["performanceId"], "Dips of a trend")]

    with hosted(service):
        session = service.post(
            "premium", "/api/trading/sessions/start", {**MARKET, "customStrategyId": made["id"]}, 201
        )
        path = f"/api/trading/sessions/{session['sessionId']}"
        run_id = session["session"]["run_id"]
        until(lambda: service.get("premium", f"/v1/runs/{run_id}")["run"]["status"], lambda status: status == "RUNNING")
        prices = count(5_000.0, -0.5)  # falling, and far above 100: twenty bars of a second, and it buys

        def fell() -> list[dict[str, Any]]:
            push(service, "premium", "BTCUSD", next(prices))
            found: list[dict[str, Any]] = service.get("premium", f"{path}/trades")["trades"]
            return found

        first = until(fell, lambda trades: trades)[-1]
        assert (first["action"], first["symbol"], first["strategy"]) == ("BUY", "BTCUSD", "conditions")
        service.post("premium", f"{path}/stop")
    live = service.get("premium", f"/api/performance/strategy-id/{made['id']}")["performances"]
    assert [item["execution_type"] for item in live] == ["live", "backtest"]
    assert (live[0]["session_id"], live[0]["strategy_type"]) == (session["sessionId"], "custom")


def test_a_live_strategy_names_a_custom_one_by_its_number(service: Service) -> None:
    made = service.post("premium", "/v1/custom-strategies", {"name": "Dips", **EXAMPLE}, 201)
    body = {"name": "Live dips", "strategy_id": f"custom:{made['id']}", "symbols": ["AAPL"]}
    live = service.post("premium", "/api/v1/live-trading/strategies", body, 201)
    assert live["strategy_id"] == f"custom:{made['id']}"
    user = service.users["premium"].user_id
    saved = service.post(
        "premium",
        f"/v1/strategies/users/{user}/strategies",
        {"name": "Saved dips", "strategy_type": "custom", "config": {"customStrategyId": made["id"]}},
        201,
    )
    service.post("premium", "/api/v1/live-trading/strategies", {**body, "strategy_id": saved["id"]}, 201)
    service.post("basic", "/api/v1/live-trading/strategies", body, 403)
    service.post("other", "/api/v1/live-trading/strategies", body, 404)
