"""A key asks once; mode and account as believed; halts answer who, when and why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from installation import Service

from tidemill.runtime.guard.halts import Rung
from tidemill.services.halting import halt

AGENT = {
    "name": "Once",
    "accountId": "PAPER",
    "timeframe": "intraday",
    "strategies": ["momentum"],
    "active": False,
}
LIVE = {"name": "Once", "strategy_id": 1, "symbols": ["AAPL"]}
SESSION = {"symbols": ["AAPL"], "strategy": "meanReversion"}


def ask(service: Service, path: str, body: Any, key: str, name: str = "trader") -> Any:
    return service.client.post(path, json=body, headers={**service.headers(name), "Idempotency-Key": key})


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/agents", AGENT, {**AGENT, "name": "Other"}),
        ("/v1/live-strategies/strategies", LIVE, {**LIVE, "name": "Other"}),
        ("/v1/sessions/start", SESSION, {**SESSION, "symbols": ["MSFT"]}),
    ],
)
def test_a_key_makes_one_and_belongs_to_one_body(service: Service, path: str, body: Any, other: Any) -> None:
    first, second = ask(service, path, body, "one"), ask(service, path, dict(reversed(body.items())), "one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "idempotent-replay" not in first.headers
    assert second.headers["idempotent-replay"] == "true"
    refused = ask(service, path, other, "one")
    assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")
    assert ask(service, path, body, "one", "other").json() != first.json()  # keys of two people never meet
    assert ask(service, path, body, "two").json() != first.json()


def test_what_was_refused_may_be_sent_anew_under_its_key(service: Service) -> None:
    wrong = {**AGENT, "strategies": ["nothing-of-that-name"]}
    assert ask(service, "/v1/agents", wrong, "one").status_code == 422
    assert ask(service, "/v1/agents", {**AGENT, "name": ""}, "one").status_code == 422
    assert ask(service, "/v1/agents", AGENT, "one").status_code == 201


def test_many_at_once_make_one(service: Service) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(service, "/v1/agents", AGENT, "one"), range(16)))
    codes = {answer.status_code for answer in answers}
    assert codes <= {201, 409}
    assert all(answer.json()["code"] == "in_progress" for answer in answers if answer.status_code == 409)
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len(service.get("trader", "/v1/agents")["agents"]) == 1


def test_a_started_agent_is_started_once(service: Service) -> None:
    path = f"/v1/agents/{service.post('trader', '/v1/agents', AGENT, 201)['id']}"
    assert ask(service, f"{path}/activate", None, "go").status_code == 200
    again = ask(service, f"{path}/activate", None, "go")
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")


def test_another_mode_or_account_than_believed_is_refused(service: Service) -> None:
    for path, body in (
        ("/v1/agents", AGENT),
        ("/v1/live-strategies/strategies", LIVE),
        ("/v1/sessions/start", SESSION),
    ):
        refused = service.post("trader", path, {**body, "expected_mode": "live"}, 409)
        assert refused["code"] == "wrong_mode"
    made = service.post("trader", "/v1/agents", {**AGENT, "expectedMode": "PAPER", "account": "PAPER"}, 201)
    path = f"/v1/agents/{made['id']}"
    assert service.post("trader", f"{path}/activate", {"account": "U123"}, 409)["code"] == "wrong_account"
    service.post("trader", f"{path}/activate", {"account": "PAPER", "expected_mode": "paper"})
    run = service.get("trader", "/v1/runs")["runs"][0]
    order = {"agentId": made["id"], "symbol": "AAPL", "side": "Buy", "quantity": 1}
    for wrong in ({"account": "paper:other"}, {"expectedMode": "live"}):
        service.post("trader", "/v1/agents/orders", {**order, **wrong}, 409)
    resume = f"/v1/runs/{run['run_id']}/resume"
    assert service.post("trader", resume, {"account": "paper:other"}, 409)["code"] == "wrong_account"
    service.post("trader", resume, {"account": run["account"]})


def test_a_halt_answers_who_when_and_why(service: Service) -> None:
    agent = service.post("trader", "/v1/agents", AGENT, 201)["id"]
    live = service.post("trader", "/v1/live-strategies/strategies", LIVE, 201)["id"]
    halt(service.parts.home, "system", Rung.PAUSE, "lunch", by="ann")
    for path, body in (
        (f"/v1/agents/{agent}/activate", None),
        (f"/v1/live-strategies/strategies/{live}/start", None),
        ("/v1/sessions/start", SESSION),
    ):
        refused = service.post("trader", path, body, 423)
        assert refused["code"] == "halted"
        assert (refused["details"]["by"], refused["details"]["reason"]) == ("ann", "lunch")
        assert refused["details"]["at"].endswith("Z")
    made = service.post("trader", "/v1/agents", {**AGENT, "active": True}, 201)
    assert not made["active"] and "lunch" in made["message"]
    assert service.get("trader", "/v1/runs?active=true")["runs"] == []
