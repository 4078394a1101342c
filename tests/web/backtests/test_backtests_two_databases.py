"""Queue, records and kept strategies on SQLite and on PostgreSQL: the same answers, each job taken once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from installation import Service, make_service
from sqlalchemy import update

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.services.jobs.queue import Queue

pytest_plugins = ["databases"]

ASKED = {"strategy": "meanReversion", "symbols": ["AAPL"], "wait": False}
RSI = {"type": "rsi", "period": 14}
TREE = {
    "buy_conditions": {"type": "indicator", "indicator": {**RSI, "condition": "below", "value": 30}},
    "sell_conditions": {"type": "indicator", "indicator": {**RSI, "condition": "above", "value": 70}},
}
FIGURES: dict[str, Any] = {
    "strategy_name": "meanReversion",
    "strategy_type": "mean_reversion",
    "execution_type": "backtest",
    "symbols": ["AAPL"],
    "start_date": "2023-01-03",
    "end_date": "2023-12-29",
    "config": {},
    "trades_data": [],
    "portfolio_history": [],
    "total_trades": 3,
    "winning_trades": 2,
    "losing_trades": 1,
    "initial_capital": 1e4,
    "final_capital": 1.1e4,
    "total_return_pct": 10.0,
    "win_rate_pct": 66.6,
}


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """An installation on SQLite, and one on PostgreSQL, where nobody works the queue off."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    for service in make_service(tmp_path, url):
        service.parts.research.backtests.close()
        yield service


def test_each_job_is_taken_once_and_one_of_each_person(installation: Service) -> None:
    for name in ("trader", "other"):
        for cash in (1e4, 2e4):
            installation.post(name, "/v1/backtests/run", {**ASKED, "initialCapital": cash}, 202)
    parts = installation.parts
    queues = [Queue(Database(parts.database.url), parts.clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = [found for found in pool.map(lambda number: queues[number].take(f"pool-{number}"), range(4)) if found]
    while (more := queues[0].take("pool-4")) is not None:  # whoever lost a race looks again
        taken.append(more)
    assert len({job.id for job, _ in taken}) == 2
    assert {job.user_id for job, _ in taken} == {installation.users[name].user_id for name in ("trader", "other")}


def test_a_job_beats_ends_and_leaves_its_record(installation: Service) -> None:
    job_id = installation.post("trader", "/v1/backtests/run", ASKED, 202)["id"]
    queue = installation.parts.research.backtests.queue
    taken = queue.take("pool")
    assert taken is not None
    assert queue.beat(taken[0], "pool", 0.5) is True
    assert queue.beat(taken[0], "another", 0.9) is False
    assert installation.get("trader", f"/v1/backtests/{job_id}/progress")["progress"] == 0.5
    queue.end(taken[0], "pool", "DONE", content={"summary": {}, "performance": FIGURES, "bars": 250})
    queue.end(taken[0], "pool", "FAILED", "too late")
    (found,) = installation.get("trader", "/v1/performance/overview")["performances"]
    assert (found["job_id"], found["win_rate"]) == (job_id, 66.6)
    assert installation.get("trader", f"/v1/backtests/{job_id}")["performanceId"] == found["id"]
    assert installation.get("trader", "/v1/performance/analytics")["summary"]["total_trades"] == 3
    installation.ask("trader", "DELETE", f"/v1/performance/{found['id']}", 204)
    assert installation.get("trader", "/v1/performance/overview")["performances"] == []


def test_a_run_that_is_over_has_one_record(installation: Service) -> None:
    body = {"symbols": ["AAPL"], "strategy": "momentum"}
    run_id = installation.post("trader", "/v1/sessions/start", body, 201)["session"]["run_id"]
    with installation.parts.database.write() as writing:
        over = update(RUN_OWNERS).where(RUN_OWNERS.c.run_id == run_id)
        writing.run(over.values(slot=-1, status="STOPPED", ended_ns=RUN_OWNERS.c.started_ns + 10**9))
    overview = "/v1/performance/overview"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: installation.get("trader", overview), range(8)))
    (found,) = installation.get("trader", overview)["performances"]
    assert (found["run_id"], found["total_trades"], found["win_rate"]) == (run_id, 0, None)


def test_strategies_are_kept(installation: Service) -> None:
    made = installation.post("trader", "/v1/custom-strategies", {"name": "Dips", "is_public": True, **TREE}, 201)
    installation.post("trader", "/v1/custom-strategies", {"name": "Dips", **TREE}, 409)
    seen = installation.get("other", "/v1/custom-strategies/public")["strategies"]
    assert [item["id"] for item in seen] == [made["id"]]
    path = f"/v1/strategies/users/{installation.users['trader'].user_id}/strategies"
    body = {"name": "Tree", "strategy_type": "custom", "config": {"customStrategyId": made["id"]}, "is_public": True}
    kept = installation.post("trader", path, body, 201)
    installation.post("trader", path, body, 409)
    assert installation.get("other", "/v1/strategies/public/custom")["strategies"][0]["id"] == kept["id"]
    installation.ask("trader", "PUT", f"/v1/strategies/{kept['id']}", 200, json={"is_public": False})
    installation.get("other", f"/v1/strategies/{kept['id']}", 404)
