"""What stands between a person and the market: guardrails, halts, keys that ask once, lists of symbols."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from by_hand import ALWAYS, SMOKE, order, place, settled, tick, trades
from hosting import hosted, until
from installation import Service
from sqlalchemy import select

from tidemill.adapters.sql.tables import TAPE

LONG: dict[str, Any] = {"symbol": "AAPL", "side": "BUY", "quantity": 10, "order_type": "LIMIT", "price": 100}


def configure(service: Service, **changes: Any) -> Any:
    return service.ask("trader", "PUT", "/v1/config", 200, json=changes)


def test_a_day_of_rules(service: Service) -> None:
    with hosted(service):
        configure(service, **ALWAYS)
        _key_asks_once(service)
        _guardrails_change_at_work(service)
        _a_halt_stops_entries_and_nothing_else(service)
        _other_words_are_refused(service)
        _the_list_of_symbols(service)


def _key_asks_once(service: Service) -> None:
    key = {"Idempotency-Key": "one"}
    client = service.as_("trader")

    def post(_: int) -> Any:
        return client.post("/v1/orders", json=LONG, headers=key)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, range(6)))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert len(service.get("trader", "/v1/orders")["orders"]) == 1
    again = post(0)
    assert (again.headers["Idempotent-Replay"], again.json()) == ("true", answers[-1].json())
    other = client.post("/v1/orders/", json={**LONG, "quantity": 11}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    theirs = service.post("other", "/v1/orders", {**LONG, "paper": False}, 422, headers=key)
    assert theirs["code"] == "live_refused"
    order_id = answers[0].json()["order_id"]
    service.get("other", f"/v1/orders/{order_id}", 404)
    service.ask("other", "DELETE", f"/v1/orders/{order_id}", 404)
    service.ask("trader", "DELETE", f"/v1/orders/{order_id}", 200)
    settled(service, order_id, "CANCELLED")
    assert service.ask("trader", "DELETE", f"/v1/orders/{order_id}", 409)["code"] == "not_working"
    assert service.get("trader", f"/v1/orders/{order_id}/status")["status"] == "CANCELLED"


def _guardrails_change_at_work(service: Service) -> None:
    run_id = service.get("trader", "/v1/config")["run_id"]
    told = configure(service, max_contracts=2)
    assert (told["max_contracts"], told["in_force"], told["run_id"]) == (2, True, run_id)
    refused = place(service, {**SMOKE, "qty": 3}, 422)
    assert refused["code"] == "position_size"
    assert "3 contracts exceed 2" in refused["message"]
    configure(service, max_contracts=3)
    taken = place(service, {**SMOKE, "qty": 3, "time_in_force": "day"})
    assert taken["time_in_force"] == "DAY"
    service.ask("trader", "DELETE", f"/v1/orders/{taken['order_id']}", 200)
    for windows in ("00:00-00:01,00:01-00:02", ["00:00-00:01"], {"start": "00:00", "end": "00:01"}):
        told = configure(service, session_windows=windows, session_zone="Pacific/Kiritimati")
        assert told["session_windows"][0] == "00:00-00:01"
    configure(service, session_windows=["00:00-24:00"], session_days=["MON"], session_zone="")
    weekday = configure(service, **ALWAYS)["session_days"]
    assert len(weekday) == 7
    assert service.ask("trader", "PUT", "/v1/config", 422, json={"session_windows": ["25:00-26:00"]})["code"]
    assert service.ask("trader", "PUT", "/v1/config", 422, json={"no_such_limit": 1})["code"] == "invalid"
    assert service.get("trader", "/v1/config")["run_id"] == run_id  # all of it without a new start


def _a_halt_stops_entries_and_nothing_else(service: Service) -> None:
    working = place(service, {**LONG, "quantity": 14})
    tick(service, 5000.0, "ESZ6")
    held = place(service, {"symbol": "ESZ6", "side": "LONG", "qty": 1})
    tick(service, 5000.0, "ESZ6")
    settled(service, held["order_id"], "FILLED")
    halted = service.post("trader", "/v1/halt", {"reason": "news"})
    assert [(item["by"], item["reason"], item["rung"]) for item in halted["halts"]] == [("trader", "news", "PAUSE")]
    refused = place(service, LONG, 423)
    assert (refused["code"], refused["details"]["by"], refused["details"]["reason"]) == ("halted", "trader", "news")
    assert refused["details"]["at"].endswith("Z")
    body = {"signal_type": "BUY", "symbol": "AAPL", "quantity": 1}
    assert service.post("trader", "/v1/signal", body, 423)["code"] == "halted"
    assert service.get("trader", "/v1/pnl/daily")["halted"] is True
    service.ask("trader", "DELETE", f"/v1/orders/{working['order_id']}", 200)
    settled(service, working["order_id"], "CANCELLED")
    assert service.post("trader", "/v1/flatten")["closing"] == ["ESZ6"]
    tick(service, 5001.0, "ESZ6")
    assert [row["pnl_usd"] for row in trades(service, 1) if row["symbol"] == "ESZ6"] == [50.0]
    assert service.post("other", "/v1/resume", {"scope": halted["halts"][0]["scope"]}, 404)["code"] == "not_found"
    assert service.post("trader", "/v1/halt", {"scope": "system"}, 403)["code"] == "not_allowed"
    assert service.post("trader", "/v1/resume")["halted"] is False
    assert service.post("trader", "/v1/resume", None, 409)["code"] == "not_halted"

    def goes_on() -> int:
        return service.as_("trader").post("/v1/orders", json={**LONG, "quantity": 15}).status_code

    until(goes_on, lambda status: status == 201)
    service.post("trader", "/v1/flatten")


def test_nothing_is_traded_without_an_engine(service: Service) -> None:
    assert place(service, SMOKE, 503)["code"] == "no_engine"


def _other_words_are_refused(service: Service) -> None:
    account = service.get("trader", "/v1/config")["account"]
    place(service, {**LONG, "account": "paper:other"}, 409)
    place(service, {**LONG, "expected_mode": "live"}, 422)
    order_id = place(service, {**LONG, "account": account, "expected_mode": "paper", "quantity": 12})["order_id"]
    assert order(service, order_id)["account"] == account
    service.ask("trader", "DELETE", f"/v1/orders/{order_id}", 200)
    assert place(service, {**LONG, "price": 100.001}, 422)["code"] == "off_tick"
    assert place(service, {**LONG, "stop_price": 101}, 422)["code"] == "stop_side"
    assert place(service, {**LONG, "side": "BuyToCover"}, 422)["code"] == "nothing_to_close"
    assert place(service, {**LONG, "order_type": "StopLimit"}, 422)["code"] == "invalid"
    assert place(service, {**LONG, "entry": 3}, 422)["code"] == "invalid"
    assert place(service, {"symbol": "MSFT", "side": "SELL", "quantity": 1}, 422)["code"] == "no_price"


def _the_list_of_symbols(service: Service) -> None:
    refused = place(service, {**LONG, "symbol": "ZZZZ"}, 422)
    assert refused["code"] == "symbol_not_allowed"
    assert "PUT /v1/config" in refused["message"]
    wanted = {"allowed_symbols": ["ZZZZ", "AAPL"], "allowed_symbol_roots": ["NQ"]}
    working = place(service, {**LONG, "quantity": 13})
    before = service.get("trader", "/v1/config")
    assert service.ask("trader", "PUT", "/v1/config", 409, json=wanted)["code"] == "not_flat"
    service.ask("trader", "DELETE", f"/v1/orders/{working['order_id']}", 200)
    settled(service, working["order_id"], "CANCELLED")
    after = configure(service, **wanted)
    assert after["run_id"] != before["run_id"]
    assert {"ZZZZ", "AAPL", "NQZ5"} <= set(after["symbols"])
    assert place(service, {**LONG, "symbol": "zzzz"})["symbol"] == "ZZZZ"
    assert service.get("trader", "/v1/portfolio")["equity"] == 100_050.0  # what was won is carried over
    assert service.get("trader", "/v1/pnl/summary")["total_trades"] == 1


def test_the_loss_cap_counts_what_is_open_and_never_a_profit(service: Service) -> None:
    with hosted(service):
        configure(service, **{**ALWAYS, "daily_loss_cap_usd": 300.0})
        place(service, {"symbol": "NQZ5", "side": "BUY", "qty": 1, "entry": 20000})
        tick(service, 20000.0)
        until(lambda: service.get("trader", "/v1/positions")["positions"], lambda rows: rows)
        tick(service, 20100.0)  # 2,000 USD won
        until(lambda: service.get("trader", "/v1/pnl/daily"), lambda pnl: pnl["unrealized_pnl"] == 2_000.0)
        assert service.get("trader", "/v1/pnl/daily")["halted"] is False
        place(service, LONG)
        tick(service, 19984.75)  # 305 USD lost, and nothing realised
        daily = until(
            lambda: service.get("trader", "/v1/pnl/daily"), lambda pnl: pnl["halted"] and pnl["total_pnl"] < 0, 10.0
        )
        assert (daily["realized_pnl"], daily["total_pnl"], daily["loss_left_usd"]) == (0.0, -305.0, 0.0)
        refused = place(service, LONG, 423)
        assert refused["details"]["by"] == "guard"
        assert "daily_loss" in refused["details"]["reason"]
        service.post("trader", "/v1/flatten")
        tick(service, 19984.75)
        assert [row["pnl_usd"] for row in trades(service, 1) if row["symbol"] == "NQZ5"] == [-305.0]


def test_changed_guardrails_outlive_the_engine_and_a_replay_agrees(service: Service) -> None:
    with hosted(service) as host:
        configure(service, **ALWAYS)
        taken = place(service, SMOKE)
        configure(service, max_contracts=1)
        host.kill()
        assert host.again() < 15.0
        config = service.get("trader", "/v1/config")
        assert config["in_force"] is True
        refused = place(service, {**SMOKE, "symbol": "NQH6", "qty": 2}, 422)
        assert (refused["code"], "2 contracts exceed 1" in refused["message"]) == ("position_size", True)
        assert order(service, taken["order_id"])["status"] == "SUBMITTED"
        kinds = [row["kind"] for row in service.parts.database.rows(select(TAPE.c.kind))]
        assert kinds.count("LIMITS") == 1
        service.post("trader", "/v1/flatten")
        settled(service, taken["order_id"], "CANCELLED")
        service.post("trader", f"/v1/runs/{config['run_id']}/stop")
        report = service.get("trader", f"/v1/runs/{config['run_id']}/parity")["report"]
        assert report["decisions"]["percent"] == 100.0
