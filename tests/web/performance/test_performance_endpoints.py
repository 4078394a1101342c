"""Records of performance: of backtests at once, of runs when they are over, each once; one's own, and only those."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hosting import ALWAYS, hosted, push, until
from installation import Service
from sqlalchemy import select, update

from tidemill.adapters.sql.service_tables import RUN_OWNERS, STRATEGY_PERFORMANCE

RUN = {"strategy": "meanReversion", "symbols": ["AAPL"], "strategyParameters": {"threshold": 0.03}}
DAY_NS = 86_400_000_000_000


@pytest.fixture(params=["/api/performance", "/v1/performance"])
def root(request: pytest.FixtureRequest) -> Any:
    """Both paths of the face."""
    return request.param


def test_a_backtest_leaves_a_record_in_percent(shared_service: Service, root: str) -> None:
    found = shared_service.post("trader", "/v1/backtests/run", RUN)
    one = shared_service.get("trader", f"{root}/{found['performanceId']}")
    assert (one["execution_type"], one["strategy_name"], one["strategy_type"]) == (
        "backtest",
        "meanReversion",
        "mean_reversion",
    )
    assert one["win_rate"] == pytest.approx(100.0 * found["winRate"])  # percent here, a ratio in the result
    assert one["total_return"] == pytest.approx(100.0 * found["totalReturn"])
    assert one["max_drawdown"] == pytest.approx(100.0 * found["maxDrawdown"])
    assert (one["final_capital"], one["total_trades"]) == (found["finalValue"], found["totalTrades"])
    assert one["winning_trades"] + one["losing_trades"] <= one["total_trades"]
    assert (one["trades_data"], one["portfolio_history"]) == (found["trades"], found["portfolioHistory"])
    assert one["config"]["parameters"] == {"threshold": 0.03}
    for name in ("sortino_ratio", "profit_factor", "average_duration_hours", "volatility", "beta", "alpha"):
        assert isinstance(one[name], float), name


def test_overview_analytics_and_names_add_up(shared_service: Service, root: str) -> None:
    name = "premium" if root.startswith("/api") else "enterprise"
    first = shared_service.post(name, "/v1/backtests/run", RUN)
    second = shared_service.post(name, "/v1/backtests/run", {**RUN, "strategy": "momentum", "strategyParameters": {}})
    seen = shared_service.get(name, f"{root}/overview")
    assert [item["id"] for item in seen["performances"]] == [second["performanceId"], first["performanceId"]]
    assert seen["summary"]["total_trades"] == first["totalTrades"] + second["totalTrades"]
    assert seen["summary"]["average_return"] == pytest.approx(50.0 * (first["totalReturn"] + second["totalReturn"]))
    assert len(shared_service.get(name, f"{root}/overview?limit=1")["performances"]) == 1
    assert shared_service.get(name, f"{root}/overview?execution_type=LIVE")["performances"] == []
    typed = shared_service.get(name, f"{root}/overview?strategy_type=meanReversion&execution_type=backtest")
    assert [item["id"] for item in typed["performances"]] == [first["performanceId"]]
    shared_service.get(name, f"{root}/overview?strategy_type=nothing", 422)

    told = shared_service.get(name, f"{root}/analytics")
    assert (told["timeframe"], told["summary"]["total_records"]) == ("30d", 2)
    assert [group["name"] for group in told["by_strategy"]] == ["meanReversion", "momentum"]
    assert [group["total_records"] for group in told["by_execution_type"]] == [2]
    with shared_service.parts.database.write() as writing:
        mine = update(STRATEGY_PERFORMANCE).where(STRATEGY_PERFORMANCE.c.id == first["performanceId"])
        writing.run(mine.values(created_ns=STRATEGY_PERFORMANCE.c.created_ns - 8 * DAY_NS))
    counts = {
        frame: shared_service.get(name, f"{root}/analytics?timeframe={frame}")["summary"]["total_records"]
        for frame in ("7d", "30d", "90d", "1y")
    }
    assert counts == {"7d": 1, "30d": 2, "90d": 2, "1y": 2}
    shared_service.get(name, f"{root}/analytics?timeframe=2d", 422)
    by_name = shared_service.get(name, f"{root}/strategy/momentum")["performances"]
    assert [item["id"] for item in by_name] == [second["performanceId"]]
    assert shared_service.get("viewer", f"{root}/strategy/momentum")["performances"] == []
    assert shared_service.get(name, f"{root}/strategy-id/77")["performances"] == []


def test_one_deletes_ones_own_and_nobody_elses(shared_service: Service, root: str) -> None:
    number = shared_service.post("other", "/v1/backtests/run", RUN)["performanceId"]
    for stranger in ("trader", "admin", "owner"):
        shared_service.ask(stranger, "DELETE", f"{root}/{number}", 404)
    shared_service.ask("other", "DELETE", f"{root}/{number}", 204)
    shared_service.get("other", f"{root}/{number}", 404)
    shared_service.ask("other", "DELETE", f"{root}/{number}", 404)
    row = shared_service.parts.database.row(select(STRATEGY_PERFORMANCE).where(STRATEGY_PERFORMANCE.c.id == number))
    assert row is not None and (row["trades_data_json"], row["config_json"]) == ("[]", "{}")  # erased, not hidden


def test_a_run_leaves_one_record_when_it_is_over(service: Service) -> None:
    body = {
        "initialCash": 50_000,
        "symbols": ["BTCUSD"],
        "strategy": "buyAndHold",
        "settings": {**ALWAYS, "position_size_value": 20.0, "take_profit_percentage": 5.0},
        "interval": "1s",
    }
    overview = "/api/performance/overview?execution_type=live"
    with hosted(service):
        session = service.post("trader", "/v1/sessions/start", body, 201)
        path, run_id = f"/v1/sessions/{session['sessionId']}", session["session"]["run_id"]
        until(lambda: service.get("trader", f"/v1/runs/{run_id}")["run"]["status"], lambda status: status == "RUNNING")

        def pushed(price: float) -> Any:
            push(service, "trader", "BTCUSD", price)
            return service.get("trader", path)

        until(lambda: pushed(100.0) and service.get("trader", f"{path}/trades")["trades"], bool)
        until(lambda: pushed(106.0)["total_trades"], bool)
        assert service.get("trader", overview)["performances"] == []
        stopped = service.post("trader", f"{path}/stop")
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(service.get("trader", overview))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (found,) = service.get("trader", overview)["performances"]
    assert [item["performances"][0]["id"] for item in seen] == [found["id"]] * 8
    assert (found["run_id"], found["session_id"], found["execution_type"]) == (run_id, session["sessionId"], "live")
    assert (found["total_trades"], found["winning_trades"], found["win_rate"]) == (1, 1, 100.0)
    assert found["final_capital"] == stopped["final_cash"]
    assert found["total_return"] == pytest.approx(100.0 * stopped["total_pnl"] / 50_000.0)
    whole = service.get("trader", f"/v1/performance/{found['id']}")
    assert [trade["pnl"] for trade in whole["trades_data"]] == [stopped["total_pnl"]]
    assert service.get("other", overview)["performances"] == []

    with service.parts.database.write() as writing:  # the same run went on, and ended again
        mine = update(RUN_OWNERS).where(RUN_OWNERS.c.run_id == run_id)
        writing.run(mine.values(ended_ns=RUN_OWNERS.c.ended_ns + DAY_NS))
    (renewed,) = service.get("trader", overview)["performances"]
    assert (renewed["id"], renewed["end_date"] > found["end_date"]) == (found["id"], True)
    service.ask("trader", "DELETE", f"/v1/performance/{found['id']}", 204)
    assert service.get("trader", overview)["performances"] == []
