"""Each curl command of the agents' and live strategies' documents, word for word; address and token are ours."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hosting import hosted, until
from installation import PASSWORD, Service

AUTH_URL = "curl http://localhost:3000/api/agents/auth/url"
CALLBACK = """curl -X POST http://localhost:3000/api/agents/auth/callback \\
  -H "Content-Type: application/json" \\
  -d '{"code": "YOUR_AUTHORIZATION_CODE"}'"""
AUTH_STATUS = "curl http://localhost:3000/api/agents/auth/status"
CREATE_AGENT = """curl -X POST http://localhost:3000/api/agents \\
  -H "Content-Type: application/json" \\
  -d '{
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
      "maxCorrelation": 0.7
    }
  }'"""
LOGIN = """curl -X POST http://localhost:8000/api/v1/auth/login \\
  -H "Content-Type: application/json" \\
  -d '{"email":"test@example.com","password":"test123"}'"""
CREATE_STRATEGY = """curl -X POST http://localhost:8000/api/v1/live-trading/strategies \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "name": "My First Auto Strategy",
    "strategy_id": 1,
    "symbols": ["AAPL", "MSFT"],
    "check_interval": 300,
    "auto_execute": false,
    "max_positions": 5,
    "max_position_size": 1000,
    "daily_loss_limit": 500,
    "position_size_pct": 0.02
  }'"""
LIST_STRATEGIES = """curl http://localhost:8000/api/v1/live-trading/strategies \\
  -H "Authorization: Bearer $TOKEN\""""
START_STRATEGY = """curl -X POST http://localhost:8000/api/v1/live-trading/strategies/{STRATEGY_ID}/start \\
  -H "Authorization: Bearer $TOKEN\""""
DASHBOARD = """curl http://localhost:8000/api/v1/live-trading/dashboard \\
  -H "Authorization: Bearer $TOKEN\""""
RECENT_SIGNALS = """curl http://localhost:8000/api/v1/live-trading/signals/recent \\
  -H "Authorization: Bearer $TOKEN\""""


def curl(service: Service, command: str, status: int, token: str) -> Any:
    """Send what a curl command would send; a command that brings no token is given one."""
    words, headers, method, body, path = (
        shlex.split(command.replace("\\\n", ""))[1:],
        {"User-Agent": "curl/8.5.0"},
        "",
        None,
        "",
    )
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, value = words.pop(0).split(": ", 1)
            headers[name] = value.replace("$TOKEN", token)
        elif word == "-d":
            body = words.pop(0)
        else:
            path = "/" + word.split("/", 3)[3]
    headers.setdefault("Authorization", f"Bearer {token}")
    answer = service.client.request(method or ("POST" if body else "GET"), path, headers=headers, content=body)
    assert answer.status_code == status, f"{command}: {answer.status_code} {answer.text[:500]}"
    return json.loads(answer.content)


@pytest.mark.parametrize("command", [AUTH_URL, CALLBACK, AUTH_STATUS])
def test_the_broker_of_agents_is_honestly_not_there(shared_service: Service, command: str) -> None:
    status = 200 if command == AUTH_STATUS else 409
    told = curl(shared_service, command, status, shared_service.tokens["trader"])
    if command == AUTH_STATUS:
        assert told["authenticated"] is False and {"accountId", "expiresIn"} <= set(told)
    else:
        assert told["code"] == "no_adapter" and told["message"] and told["request_id"]


def test_the_first_agent(shared_service: Service) -> None:
    token = shared_service.tokens["trader"]
    made = curl(shared_service, CREATE_AGENT, 201, token)
    assert made["name"] == "Intraday Momentum Hunter"
    assert made["riskLimits"]["maxCorrelation"] == 0.7


def test_the_first_live_strategy_from_login_to_its_signals(service: Service) -> None:
    who = service.users["trader"]
    login = LOGIN.replace("test@example.com", who.email).replace("test123", PASSWORD)
    token = curl(service, login, 200, "")["access_token"]
    made = curl(service, CREATE_STRATEGY, 201, token)
    assert made["id"] in [item["id"] for item in curl(service, LIST_STRATEGIES, 200, token)]
    with hosted(service):
        started = curl(service, START_STRATEGY.replace("{STRATEGY_ID}", str(made["id"])), 200, token)
        assert started["success"] is True
        until(lambda: curl(service, DASHBOARD, 200, token), lambda told: told["summary"]["active_strategies"] == 1)
        assert curl(service, RECENT_SIGNALS, 200, token) == []  # a feed that nobody pushes
