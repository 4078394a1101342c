"""Every request the source prints, as it is printed, with its slashes; only the address and the token are ours."""

from __future__ import annotations

import json
from typing import Any

from by_hand import ALWAYS, settled, tick
from hosting import hosted
from installation import Service

ORDER = '{"symbol":"NQZ5","side":"SELL","qty":1,"entry":17895,"stop":17905,"target":17875,"paper":true}'
MARKET = '{"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "MARKET"}'
BACKFILL = """{
    "symbol": "NQZ5", "side": "BUY", "quantity": 1, "order_type": "LIMIT", "price": 17895, "stop_price": 17885,
    "target_price": 17915, "entered_at": "2025-09-12T13:45:00Z", "paper": true,
    "features": {"strategy_id": "ORB", "setup": "Backfill-Test", "is_backfill": true}, "notes": "backfilled trade"
  }"""
SIGNAL = """{
    "signal_type": "BUY", "symbol": "AAPL", "quantity": 100, "price": 150.0, "confidence": 0.85,
    "metadata": {"strategy": "momentum", "timeframe": "1h"}
  }"""
CONFIG = '{"max_trades_per_day": 10, "daily_loss_cap_usd": 500.0, "session_windows": ["09:30-16:00"]}'
HOURS = '{"session_windows": {"start": "09:30", "end": "16:00"}}'
NO_ENGINE_NEEDED = (
    ("GET", "/v1/health", None, 200),
    ("GET", "/v1/health/", None, 200),
    ("GET", "/v1/debug/config", None, 200),
    ("GET", "/v1/debug/routes", None, 200),
    ("GET", "/v1/pnl/daily", None, 200),
    ("GET", "/v1/config/", None, 200),
    ("PUT", "/v1/config/", CONFIG, 200),
    ("PUT", "/v1/config/", HOURS, 200),
    ("GET", "/v1/logs/trades?limit=10", None, 200),
    ("POST", "/v1/orders", BACKFILL, 201),
    ("GET", "/v1/broker/health", None, 200),
    ("GET", "/v1/broker/ibkr/health", None, 200),
    ("POST", "/v1/model/promote", None, 409),
    ("POST", "/v1/model/reload", None, 409),
    ("GET", "/docs", None, 200),
    ("GET", "/redoc", None, 200),
    ("GET", "/openapi.json", None, 200),
)


def send(service: Service, method: str, path: str, text: str | None, status: int, name: str = "owner") -> Any:
    """Send a body as text, as curl does."""
    headers = {**service.headers(name), "Content-Type": "application/json", "User-Agent": "curl/8.5.0"}
    answer = service.client.request(method, path, headers=headers, content=text)
    assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
    return json.loads(answer.content) if "json" in answer.headers["content-type"] else answer.text


def test_what_needs_no_engine(service: Service) -> None:
    for method, path, text, status in NO_ENGINE_NEEDED:
        send(service, method, path, text, status)
    changed = send(service, "GET", "/v1/config", None, 200)
    assert (changed["max_trades_per_day"], changed["session_windows"]) == (10, ["09:30-16:00"])


def test_what_trades(service: Service) -> None:
    with hosted(service):
        send(service, "PUT", "/v1/config/", json.dumps(ALWAYS), 200)
        bracket = send(service, "POST", "/v1/orders", ORDER, 201)
        send(service, "POST", "/v1/tick", '{"symbol":"NQZ5","price":17894.75}', 200)
        settled(service, bracket["order_id"], "FILLED", "owner")
        tick(service, 149.0, "AAPL", "owner")
        bought = send(service, "POST", "/v1/orders/", MARKET, 201)
        tick(service, 149.25, "AAPL", "owner")
        assert settled(service, bought["order_id"], "FILLED", "owner")["average_price"] == 149.25
        send(service, "PUT", "/v1/config/", json.dumps({"max_position_usd": 100_000.0}), 200)
        signal = send(service, "POST", "/v1/signal/", SIGNAL.replace("100,", "99,"), 201)
        assert (signal["status"], signal["order_status"]) == ("ORDERED", "SUBMITTED")
        tick(service, 149.5, "AAPL", "owner")
        settled(service, signal["order_id"], "FILLED", "owner")
        log = send(service, "GET", "/v1/logs/trades?limit=10", None, 200)["trades"][0]
        assert (log["features"]["strategy_id"], log["source"]) == ("momentum", "api")
        assert send(service, "GET", "/v1/pnl/positions", None, 200)["positions"]
        assert send(service, "GET", "/v1/broker/health", None, 200)["status"] == "healthy"
