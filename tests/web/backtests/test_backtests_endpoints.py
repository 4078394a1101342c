"""Backtests over HTTP: the documented request and answer, jobs followed to their end, quotas, refusals that say why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hosting import until
from installation import Service

RUN = {
    "strategy": "meanReversion",
    "strategyParameters": {"window": 20, "threshold": 0.05},
    "symbols": ["AAPL"],
    "startDate": "2023-01-01",
    "endDate": "2023-12-31",
}
OVER = {"DONE", "FAILED", "CANCELLED"}


@pytest.fixture(params=["/api/backtest", "/v1/backtests"])
def root(request: pytest.FixtureRequest) -> Any:
    """Both paths of the face."""
    return request.param


def ended(service: Service, name: str, job_id: str) -> dict[str, Any]:
    """Wait for the end of a job."""
    return until(lambda: service.get(name, f"/v1/backtests/{job_id}"), lambda job: job["status"] in OVER)  # type: ignore[no-any-return]


def test_a_backtest_answers_as_documented(shared_service: Service, root: str) -> None:
    found = shared_service.post("trader", f"{root}/run", RUN)
    assert found["success"] is True
    assert (found["strategy"], found["symbols"]) == ("meanReversion", ["AAPL"])
    assert (found["startDate"], found["endDate"]) == ("2023-01-03", "2023-12-29")  # the first and last trading day
    assert found["initialCapital"] == 10_000.0
    assert found["finalValue"] == pytest.approx(10_000.0 * (1.0 + found["totalReturn"]), abs=0.01)
    assert 0.0 <= found["winRate"] <= 1.0
    assert 0.0 <= found["maxDrawdown"] <= 1.0
    assert (found["totalTrades"], len(found["trades"])) == (1, found["totalFills"])
    first = found["trades"][0]
    assert (first["action"], first["symbol"], first["pnl"]) == ("BUY", "AAPL", None)
    assert found["feed"] == "sample"
    assert found["isPrefixInvariant"] is True
    assert found["portfolioHistory"][-1]["value"] == found["finalValue"]


@pytest.mark.parametrize("name", ["meanReversion", "movingAverageCrossover", "momentum", "bollingerBands", "breakout"])
def test_every_documented_name_runs_with_its_defaults(shared_service: Service, name: str) -> None:
    body = {"strategy": name, "symbols": ["AAPL"], "startDate": "2023-06-01"}
    found = shared_service.post("premium", "/api/backtest/run", body)
    assert (found["strategy"], found["initialCapital"], found["bars"]) == (name, 10_000.0, 398)


def test_a_key_runs_a_backtest_once(shared_service: Service, root: str) -> None:
    headers = {**shared_service.headers("enterprise"), "Idempotency-Key": f"once-{root}"}
    body = {**RUN, "startDate": "2022-06-01"}
    before = len(shared_service.get("enterprise", "/v1/backtests?limit=1000")["backtests"])
    first = shared_service.client.post(f"{root}/run", json=body, headers=headers)
    again = shared_service.client.post(f"{root}/run", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json() and again.headers["idempotent-replay"] == "true"
    assert len(shared_service.get("enterprise", "/v1/backtests?limit=1000")["backtests"]) == before + 1
    other = shared_service.client.post(f"{root}/run", json={**body, "symbols": ["MSFT"]}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


def test_a_job_that_is_not_waited_for_is_begun_once_for_each_key(shared_service: Service) -> None:
    headers = {**shared_service.headers("enterprise"), "Idempotency-Key": "queued"}
    body = {**RUN, "wait": False, "startDate": "2022-07-01"}
    told = [shared_service.client.post("/v1/backtests/run", json=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in told] == [202, 202, 202]
    assert len({json.dumps(answer.json(), sort_keys=True) for answer in told}) == 1
    ended(shared_service, "enterprise", told[0].json()["id"])


def test_a_job_is_followed_to_its_end(shared_service: Service, root: str) -> None:
    answer = shared_service.client.post(
        f"{root}/run", json={**RUN, "wait": False, "startDate": "2022-01-01"}, headers=shared_service.headers("basic")
    )
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/backtests/{job['id']}"
    assert job["status"] in {"QUEUED", "RUNNING", "DONE"}
    with shared_service.client.stream(
        "GET", f"{root}/{job['id']}/events", headers=shared_service.headers("basic")
    ) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        said = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: ")]
    assert json.loads(said[-1]) == {"id": job["id"], "status": "DONE", "progress": 1.0, "message": ""}
    told = shared_service.get("basic", f"{root}/{job['id']}")
    assert (told["status"], told["progress"], told["bars"]) == ("DONE", 1.0, 501)
    assert shared_service.get("basic", f"{root}/{job['id']}/progress")["progress"] == 1.0
    assert shared_service.get("basic", f"{root}/{job['id']}/result")["jobId"] == job["id"]
    assert job["id"] in [item["id"] for item in shared_service.get("basic", f"{root}?status=DONE")["backtests"]]
    assert shared_service.post("basic", f"{root}/{job['id']}/cancel")["status"] == "DONE"  # over is over


def test_the_report_and_the_whole_result_are_files(shared_service: Service) -> None:
    job_id = shared_service.post("other", "/v1/backtests/run", RUN)["jobId"]
    report = shared_service.client.get(f"/v1/backtests/{job_id}/report", headers=shared_service.headers("other"))
    assert report.status_code == 200
    assert report.headers["content-type"].startswith("text/html")
    assert report.text.startswith("<!DOCTYPE html>")
    assert "Content-Security-Policy" in report.text
    assert 'src="http' not in report.text
    document = shared_service.get("other", f"/v1/backtests/{job_id}/document")
    assert document["schema"] == "tidemill.backtest/1"
    assert document["config"]["strategies"][0]["name"] == "mean_reversion"
    shared_service.get("trader", f"/v1/backtests/{job_id}/report", 404)


def test_backtests_stand_side_by_side(shared_service: Service) -> None:
    ids = [
        shared_service.post("enterprise", "/v1/backtests/run", {**RUN, **more})["jobId"]
        for more in ({}, {"strategyParameters": {"threshold": 0.03}}, {"startDate": "2022-01-01"})
    ]
    rows = shared_service.post("enterprise", "/v1/backtests/compare", {"ids": ids})["backtests"]
    assert [row["jobId"] for row in rows] == ids
    assert [row["isSameSpan"] for row in rows] == [True, True, False]
    assert rows[0]["totalTrades"] < rows[1]["totalTrades"]
    shared_service.post("trader", "/v1/backtests/compare", {"ids": ids}, 404)


def test_a_backtest_is_kept_as_a_strategy_and_run_again(shared_service: Service) -> None:
    found = shared_service.post("owner", "/v1/backtests/run", {**RUN, "strategyParameters": {"window": 15}})
    kept = shared_service.post("owner", f"/v1/backtests/{found['jobId']}/save", {"name": "Fifteen days"}, 201)
    assert (kept["strategy_type"], kept["config"]) == ("mean_reversion", {"window": 15})
    assert kept["backtest_results"]["finalValue"] == found["finalValue"]
    again = shared_service.post(
        "owner", "/v1/backtests/run", {**RUN, "strategy": None, "strategyParameters": {}, "strategyId": kept["id"]}
    )
    assert again["finalValue"] == found["finalValue"]
    shared_service.post("owner", f"/v1/backtests/{found['jobId']}/save", {"name": "Fifteen days"}, 409)


def test_a_synthetic_market_is_called_simulated_everywhere(shared_service: Service) -> None:
    body = {"strategy": "momentum", "symbols": ["SIMA"], "data": {"kind": "synthetic", "sessions": 5}}
    found = shared_service.post("trader", "/v1/backtests/run", body)
    assert found["feed"] == "SIMULATED"
    assert shared_service.get("trader", f"/v1/backtests/{found['jobId']}")["feed"] == "SIMULATED"
    assert any("SIMULATED" in line for line in found["warnings"] + found["assumptions"])
    report = shared_service.client.get(
        f"/v1/backtests/{found['jobId']}/report", headers=shared_service.headers("trader")
    )
    assert "SIMULATED" in report.text


@pytest.mark.parametrize(
    ("wrong", "status", "word"),
    [
        ({"strategy": "sentimentAnalysis"}, 422, "news"),
        ({"strategy": "nothingOfThatName"}, 422, "strategy"),
        ({"strategy": "custom"}, 422, "customStrategyId"),
        ({"strategy": "conditions", "strategyParameters": {}}, 422, "custom strategy"),
        ({"strategy": None}, 422, "strategy"),
        ({"strategyParameters": {"luck": 7}}, 422, "luck"),
        ({"strategyParameters": {"window": 1}}, 422, "window"),
        ({"startDate": "01/02/2023"}, 422, "startDate"),
        ({"startDate": "2023-02-30"}, 422, "no such day"),
        ({"startDate": "2024-01-01"}, 422, "endDate"),
        ({"startDate": "1999-01-01", "endDate": "1999-12-31"}, 422, "no bars"),
        ({"symbols": ["GOOGL"]}, 422, "data set"),
        ({"symbols": []}, 422, "symbols"),
        ({"symbols": ["SIMA"], "data": "sample"}, 422, "AAPL"),
        ({"symbols": ["AAPL"], "data": "synthetic"}, 422, "real symbol"),
        ({"data": "../../secrets"}, 422, "data set"),
        ({"provider": "yahoo"}, 422, "fetches no prices"),
        ({"settings": {"stop_loss_percentage": 101}}, 422, "stop_loss"),
        ({"settings": {"no_such_setting": 1}}, 422, "session setting"),
        ({"initialCapital": 0}, 422, "initialCapital"),
        ({"userId": 1_000_000}, 422, "own number"),
        ({"strategy": None, "customStrategyId": 5}, 404, "custom strategy"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    shared_service: Service, wrong: dict[str, Any], status: int, word: str
) -> None:
    told = shared_service.post("trader", "/api/backtest/run", {**RUN, **wrong}, status)
    assert word in told["message"]


def test_conditions_need_their_tier(shared_service: Service) -> None:
    body = {**RUN, "strategy": "custom", "strategyParameters": {}, "customStrategyId": 1}
    told = shared_service.post("basic", "/api/backtest/run", body, 403)
    assert told["details"] == {"required": ["PREMIUM", "ENTERPRISE"], "current": "BASIC"}


def test_the_service_says_how_it_fares_and_what_it_knows(shared_service: Service, root: str) -> None:
    health = shared_service.get("viewer", f"{root}/health")
    assert (health["status"], health["workers"] in {1, 2}) == ("healthy", True)
    known = {item["name"]: item for item in shared_service.get("viewer", f"{root}/strategies")["strategies"]}
    assert list(known)[:7] == [
        "meanReversion",
        "movingAverageCrossover",
        "momentum",
        "bollingerBands",
        "breakout",
        "sentimentAnalysis",
        "custom",
    ]
    assert {row["name"]: row["default"] for row in known["meanReversion"]["parameters"]} == {
        "window": 20,
        "threshold": 0.05,
    }
    assert {row["name"] for row in known["movingAverageCrossover"]["parameters"]} >= {"fast_window", "slow_window"}
    assert known["sentimentAnalysis"]["is_available"] is False
    assert "conditions" not in known
    assert shared_service.get("viewer", f"{root}/data")["data_sets"] == []


def test_the_size_of_trades_is_shares_only_where_the_settings_do_not_say(shared_service: Service) -> None:
    shares = shared_service.post("trader", "/v1/backtests/run", {**RUN, "sharesPerTrade": 7})
    assert {trade["quantity"] for trade in shares["trades"]} == {7.0}
    settings = {"position_sizing_method": "equal_weight"}
    weighed = shared_service.post("trader", "/v1/backtests/run", {**RUN, "sharesPerTrade": 7, "settings": settings})
    assert {trade["quantity"] for trade in weighed["trades"]} != {7.0}
