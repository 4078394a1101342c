"""Trading sessions: every documented request and answer, settings with their defaults, whose user a path names."""

from __future__ import annotations

from typing import Any

import pytest
from installation import Service

START = {
    "mode": "PAPER",
    "initialCash": 10_000,
    "symbols": ["AAPL", "GOOGL"],
    "strategy": "meanReversion",
    "strategyParameters": {"window": 20, "threshold": 0.05},
}
DEFAULTS = {
    "stop_loss_percentage": None,
    "take_profit_percentage": None,
    "max_position_size_percentage": 25.0,
    "position_sizing_method": "percentage",
    "position_size_value": 10.0,
    "order_type_default": "market",
    "slippage_model": "none",
    "commission_rate": 0.0,
    "trading_hours_start": "09:30",
    "trading_hours_end": "16:00",
    "trading_days": ["MON", "TUE", "WED", "THU", "FRI"],
    "time_in_force": "day",
    "allow_partial_fills": True,
    "extended_hours": False,
    "max_open_positions": 10,
    "rebalance_frequency": "never",
    "enable_trailing_stop": False,
    "enable_bracket_orders": False,
    "enable_oco_orders": False,
    "slippage_value": 0.0,
    "daily_loss_limit_percentage": None,
    "daily_loss_limit_absolute": None,
}


@pytest.fixture(params=["/api/trading", "/v1"])
def root(request: pytest.FixtureRequest) -> Any:
    """Both paths of the face."""
    return request.param


def test_a_session_is_started_with_the_documented_defaults(service: Service, root: str) -> None:
    user = service.users["trader"].user_id
    started = service.post("trader", f"{root}/sessions/start", {**START, "userId": user}, 201)
    assert started["success"] is True
    session = started["session"]
    assert (session["id"], session["status"], session["initial_cash"]) == (started["sessionId"], "ACTIVE", 10_000.0)
    assert (session["mode"], session["total_trades"], session["total_pnl"]) == ("PAPER", 0, 0.0)
    assert {name: started["settings"][name] for name in DEFAULTS} == DEFAULTS
    active = service.get("trader", f"{root}/users/{user}/active-session")
    assert (active["session"]["id"], active["settings"]) == (session["id"], started["settings"])
    assert [item["id"] for item in service.get("trader", f"{root}/users/{user}/sessions")["sessions"]] == [
        session["id"]
    ]
    assert service.get("trader", f"{root}/sessions/{session['id']}/trades") == {"trades": []}
    stats = service.get("trader", f"{root}/users/{user}/stats")
    assert (stats["totalSessions"], stats["activeSessions"], stats["maxActiveSessions"]) == (1, 1, 10)
    portfolio = service.get("trader", f"{root}/users/{user}/portfolio")
    assert (portfolio["totalValue"], portfolio["cash"], portfolio["positions"]) == (10_000.0, 10_000.0, [])


def test_settings_are_read_written_and_merged(service: Service, root: str) -> None:
    started = service.post("trader", f"{root}/sessions/start", {**START, "settings": {"stopLossPercentage": 5}}, 201)
    path = f"{root}/sessions/{started['sessionId']}/settings"
    assert service.get("trader", path)["stop_loss_percentage"] == 5.0
    patched = service.ask("trader", "PATCH", path, 200, json={"take_profit_percentage": 10, "trading_days": ["mon"]})
    assert (patched["stop_loss_percentage"], patched["take_profit_percentage"]) == (5.0, 10.0)
    assert (patched["trading_days"], patched["is_in_force"]) == (["MON"], False)
    anew = service.post("trader", path, {"commission_rate": 0.1})
    assert (anew["stop_loss_percentage"], anew["commission_rate"]) == (None, 0.1)
    for wrong in (
        {"stop_loss_percentage": 101},
        {"position_sizing_method": "martingale"},
        {"trading_days": ["FUNDAY"]},
        {"trading_hours_start": "9:99"},
        {"trading_hours_zone": "Nowhere/At_All"},
        {"slippage_model": "fixed"},
        {"max_open_positions": 1.5},
        {"no_such_setting": 1},
        {"stop_loss_percentage": "many"},
        {"deep": {"er": 1}},
    ):
        service.ask("trader", "PATCH", path, 422, json=wrong)
    assert service.get("trader", path) == anew


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"mode": "LIVE"}, 422),
        ({"strategy": "nothingOfThatName"}, 422),
        ({"strategyParameters": {"luck": 7}}, 422),
        ({"strategyParameters": {"window": 1}}, 422),
        ({"initialCash": 0}, 422),
        ({"symbols": []}, 422),
        ({"settings": {"max_position_size_percentage": 500}}, 422),
        ({"scheduledEndTime": "2001-01-01T00:00:00Z"}, 422),
        ({"scheduledEndTime": "soon"}, 422),
        ({"strategy": None}, 422),
        ({"customStrategyId": 5}, 422),
        ({"userId": 1_000_000}, 422),
        ({"strategy": None, "customStrategyId": 5}, 404),
    ],
)
def test_what_cannot_be_is_refused_and_takes_no_place(
    shared_service: Service, wrong: dict[str, Any], status: int
) -> None:
    shared_service.post("other", "/api/trading/sessions/start", {**START, **wrong}, status)
    user = shared_service.users["other"].user_id
    assert shared_service.get("other", f"/api/trading/users/{user}/sessions")["sessions"] == []


def test_live_money_is_refused_honestly(service: Service) -> None:
    told = service.post("trader", "/api/trading/sessions/start", {**START, "mode": "LIVE"}, 422)
    assert told["code"] == "live_refused"
    assert "no broker for real money" in told["message"]


def test_a_custom_strategy_needs_its_tier(service: Service) -> None:
    body = {**START, "strategy": None, "customStrategyId": 1, "strategyParameters": {}}
    told = service.post("basic", "/api/trading/sessions/start", body, 403)
    assert told["details"] == {"required": ["PREMIUM", "ENTERPRISE"], "current": "BASIC"}


def test_a_path_names_oneself_or_nobody(service: Service, root: str) -> None:
    user = service.users["trader"].user_id
    service.post("trader", f"{root}/sessions/start", START, 201)
    for what in ("active-session", "sessions", "stats", "portfolio"):
        service.get("other", f"{root}/users/{user}/{what}", 404)
        service.get("owner", f"{root}/users/{user}/{what}", 404)
    other = service.users["other"].user_id
    service.get("other", f"{root}/users/{other}/active-session", 404)


@pytest.mark.parametrize(
    "name", ["meanReversion", "movingAverageCrossover", "momentum", "bollingerBands", "breakout", "mean_reversion"]
)
def test_every_name_of_the_source_is_known(service: Service, name: str) -> None:
    started = service.post("trader", "/api/trading/sessions/start", {"symbols": ["AAPL"], "strategy": name}, 201)
    assert started["session"]["strategy"] == name
