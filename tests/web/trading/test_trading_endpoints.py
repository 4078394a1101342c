"""Every endpoint of trading by hand without an engine, and what is written down without one."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from by_hand import SMOKE, place
from installation import Service

PAST = "2025-09-12T13:45:00Z"
# As the source prints it.
BACKFILL: dict[str, Any] = {
    "symbol": "NQZ5",
    "side": "BUY",
    "quantity": 1,
    "order_type": "LIMIT",
    "price": 17895,
    "stop_price": 17885,
    "target_price": 17915,
    "entered_at": PAST,
    "paper": True,
    "features": {"strategy_id": "ORB", "setup": "Backfill-Test", "is_backfill": True},
    "notes": "backfilled trade",
}


def logs(service: Service, name: str = "trader") -> Any:
    return service.get(name, "/v1/logs/trades?limit=10")["trades"]


def test_a_trade_of_the_past_is_written_down_and_not_traded(service: Service) -> None:
    agent = {"User-Agent": "backfill-script/1.0", "Idempotency-Key": "backfill-1"}
    made = place(service, BACKFILL, headers=agent)
    assert (made["status"], made["is_backfill"], made["source"]) == ("RECORDED", True, "backfill_script")
    assert (made["price"], made["stop_price"], made["target_price"]) == (17895.0, 17885.0, 17915.0)
    assert made["entered_at"] == "2025-09-12T13:45:00.000Z"
    assert place(service, BACKFILL, headers=agent) == made
    assert [row["outcome"] for row in logs(service)] == ["unknown"]
    assert service.get("trader", "/v1/orders")["orders"] == []
    assert service.get("trader", f"/v1/orders/{made['order_id']}") == made
    assert service.get("trader", f"/v1/orders/{made['order_id']}/status")["status"] == "RECORDED"
    assert service.ask("trader", "DELETE", f"/v1/orders/{made['order_id']}", 409)["code"] == "not_working"
    assert logs(service, "other") == []
    service.get("other", f"/v1/orders/{made['order_id']}", 404)


@pytest.mark.parametrize(
    "said", [PAST, "2025-09-12T13:45:00+00:00", "2025-09-12 13:45:00", "2025-09-12T15:45:00+02:00"]
)
def test_every_form_of_entered_at_means_the_same_time(service: Service, said: str) -> None:
    body = {**BACKFILL, "entered_at": said, "features": {}}
    made = place(service, body)
    assert (made["entered_at"], made["features"]) == ("2025-09-12T13:45:00.000Z", {"is_backfill": True})


def test_the_future_and_nonsense_are_refused_with_400(service: Service) -> None:
    later = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    assert place(service, {**BACKFILL, "entered_at": later}, 400)["code"] == "in_the_future"
    for wrong in ("yesterday", "2025-13-40", "1969-01-01T00:00:00Z"):
        assert place(service, {**BACKFILL, "entered_at": wrong}, 400)["code"] == "bad_timestamp"


def test_half_an_hour_ago_is_now_and_trades(service: Service) -> None:
    ago = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()
    refused = place(service, {**BACKFILL, "entered_at": ago, "features": {}}, 503)
    assert refused["code"] == "no_engine"  # it would have been sent


def test_a_finished_trade_of_the_past_has_its_result(service: Service) -> None:
    done = {**BACKFILL, "exit_price": 17915, "exited_at": "2025-09-12T14:00:00Z", "outcome": "target"}
    place(service, done)
    place(service, {**done, "side": "SELL", "stop_price": 17905, "target_price": 17875, "outcome": "stop"})
    newest, first = logs(service)
    assert (first["pnl_usd"], first["r_multiple"], first["outcome"]) == (400.0, 2.0, "target")
    assert (newest["pnl_usd"], newest["r_multiple"], newest["outcome"]) == (-400.0, -2.0, "stop")


def test_the_table_for_spreadsheets(service: Service) -> None:
    for notes in ("=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", "plain, with a comma"):
        place(service, {**BACKFILL, "notes": notes})
    answer = service.as_("trader").get("/v1/export/trades.csv?limit=100000")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert list(rows[0]) == [
        *("created_at", "symbol", "side", "qty", "entry_price", "stop_price", "target_price"),
        *("exit_price", "pnl_usd", "r_multiple", "outcome", "notes"),
    ]
    assert [row["notes"] for row in rows[::-1]] == [
        *("'=HYPERLINK(1)", "'+1", "'-1", "'@x", "'\tx", "'\rx", "plain, with a comma"),
    ]
    assert (rows[0]["symbol"], rows[0]["qty"], rows[0]["entry_price"]) == ("NQZ5", "1.0", "17895.0")
    assert service.as_("trader").get("/v1/export/trades.csv?limit=0").status_code == 422


def test_before_the_first_order_everything_answers(service: Service) -> None:
    config = service.get("trader", "/v1/config/")
    assert (config["max_trades_per_day"], config["daily_loss_cap_usd"], config["max_contracts"]) == (5, 300.0, 5)
    assert (config["session_windows"], config["account"], config["in_force"]) == (["08:30-15:00"], None, False)
    assert {"NQZ5", "AAPL", "SPY"} <= set(config["symbols"])
    assert service.get("trader", "/v1/pnl/daily")["loss_left_usd"] == 300.0
    assert service.get("trader", "/v1/pnl/summary")["total_trades"] == 0
    assert service.get("trader", "/v1/pnl/history?days=3660") == {"days": []}
    for path in ("/v1/pnl/positions", "/v1/positions"):
        assert service.get("trader", path) == {"positions": [], "unrealized_pnl": 0.0}
    assert service.get("trader", "/v1/portfolio")["equity"] == 100_000.0
    assert service.get("trader", "/v1/stats")["runs"] == 0
    assert service.get("trader", "/v1/fills") == {"fills": []}
    assert service.get("trader", "/v1/signal/status")["total"] == 0
    assert service.get("trader", "/v1/halt") == {"halted": False, "halts": [], "heeded": [], "waiting": []}
    assert service.post("trader", "/v1/flatten") == {"cancelled": [], "closing": [], "messages": []}
    (told,) = service.post("trader", "/v1/flatten", {"symbol": "appl"})["messages"]
    assert told == "Nothing of APPL is held or works on your desk; nothing was closed."
    assert service.post("trader", "/v1/halt", None, 409)["code"] == "not_now"
    assert service.get("trader", "/v1/runs")["runs"] == []  # looking begins nothing


def test_changes_are_kept_until_the_desk_begins(service: Service) -> None:
    body = {"max_trades_per_day": 10, "daily_loss_cap_usd": 500.0, "session_windows": ["09:30-16:00"]}
    changed = service.ask("trader", "PUT", "/v1/config/", 200, json=body)
    assert {name: changed[name] for name in body} == body
    assert (changed["in_force"], changed["position_limit_pct"]) == (False, 10.0)
    windows = {"session_windows": {"start": "09:30", "end": "16:00"}}
    assert service.ask("trader", "PUT", "/v1/config", 200, json=windows)["session_windows"] == ["09:30-16:00"]
    assert service.get("trader", "/v1/config")["max_trades_per_day"] == 10
    assert service.get("other", "/v1/config")["max_trades_per_day"] == 5
    for wrong in (
        {"max_contracts": 0},
        {"session_windows": []},
        {"session_days": ["XXX"]},
        {"allowed_symbols": ["a b"]},
    ):
        service.ask("trader", "PUT", "/v1/config", 422, json=wrong)


def test_holding_is_a_signal_too(service: Service) -> None:
    body = {"signal_type": "hold", "symbol": "AAPL", "quantity": 1, "confidence": 0.5, "metadata": {"strategy": "x"}}
    assert service.post("trader", "/v1/signal", body, 201)["status"] == "HELD"
    service.post("trader", "/v1/signal", {**body, "signal_type": "BUY", "symbol": "ZZZZ"}, 422)
    status = service.get("trader", "/v1/signal/status")
    assert (status["held"], status["rejected"], status["ordered"]) == (1, 1, 0)
    assert status["recent"][0]["reason"].startswith("symbol_not_allowed")


def test_what_there_is_not_says_so(service: Service) -> None:
    brokers = service.get("trader", "/v1/broker/health")
    assert (brokers["active_broker"], brokers["status"]) == ("paper", "idle")
    ibkr = service.get("trader", "/v1/broker/ibkr/health")
    assert (ibkr["status"], ibkr["enabled"], ibkr["connected"], ibkr["port"]) == ("disabled", False, False, 7497)
    assert service.get("trader", "/v1/broker/paper/health")["broker"] == "paper"
    assert service.get("trader", "/v1/model/status")["loaded"] is False
    for method, path, body in (
        ("POST", "/v1/model/reload", None),
        ("POST", "/v1/model/promote", None),
        ("PUT", "/v1/model/threshold", {"threshold": 0.55}),
    ):
        assert service.ask("admin", method, path, 409, json=body)["code"] == "no_model"
    assert service.ask("", "POST", "/v1/hooks/telegram", 409, json={"update_id": 1})["code"] == "not_enabled"
    assert place(service, {**SMOKE, "paper": False}, 422)["code"] == "live_refused"


def test_no_other_broker_stands_in_for_one_that_is_not_there(service: Service) -> None:
    loaded = service.parts.loaded
    object.__setattr__(loaded, "settings", loaded.settings.model_copy(update={"broker": "ibkr"}))
    assert service.get("trader", "/v1/broker/health")["status"] == "unavailable"
    assert place(service, SMOKE, 409)["code"] == "no_adapter"
