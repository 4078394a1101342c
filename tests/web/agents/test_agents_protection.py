"""Stop, target and trailing stop of an open trade, moved through HTTP: at once, never wider, and on record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hosting import hosted, push, until
from installation import Service

from tidemill.model.enums import EventKind
from tidemill.services.recorded import read_recorded

AGENT = {
    "name": "Protected",
    "accountId": "P1",
    "timeframe": "intraday",
    "strategies": ["meanReversion"],
    "riskLimits": {"minConfidenceScore": 0},
    "symbols": ["BTCUSD"],
    "interval": "1s",
}
ORDER = {
    "symbol": "BTCUSD",
    "side": "Buy",
    "orderType": "Market",
    "quantity": 10,
    "stopLoss": 95.0,
    "takeProfit": 120.0,
}


def _open_trade(service: Service) -> tuple[str, dict[str, Any]]:
    agent = service.post("trader", "/api/agents", AGENT, 201)
    path = f"/api/agents/{agent['id']}"
    until(lambda: service.get("trader", path)["agent"]["status"], lambda status: status == "RUNNING")
    push(service, "trader", "BTCUSD", 100.0, 100.5)
    service.post("trader", "/api/agents/orders", {**ORDER, "agentId": agent["id"]}, 201)
    push(service, "trader", "BTCUSD", 101.0)
    return path, _trade(service, path, lambda trade: trade["status"] == "OPEN")


def _trade(service: Service, path: str, is_right: Any) -> dict[str, Any]:
    found = until(
        lambda: service.get("trader", f"{path}/trades")["trades"], lambda trades: trades and is_right(trades[0])
    )
    return dict(found[0])


def _working_stops(service: Service, run_id: str) -> list[tuple[str, str]]:
    orders = service.parts.database.store.orders(run_id)
    return [(o.type, o.stop_price) for o in orders if o.intent == "PROTECT" and o.state == "WORKING"]


def _bar_after(service: Service, run_id: str) -> str:
    """Return when the first bar after the last word began, as soon as there is one."""
    push(service, "trader", "BTCUSD", 107.0)
    recorded = read_recorded(service.parts.database.store, service.parts.home.runs, run_id)
    spoken = max(note.seq for note in recorded.notes if note.kind == "PROTECT")
    events = recorded.tape["event"][spoken:]
    starts = events["ts_ns"][events["kind"] == EventKind.BAR]
    return f"{np.datetime64(int(starts[0]), 'ns')}Z" if len(starts) else ""


@pytest.mark.parametrize("is_killed", [False, True], ids=["alive", "killed"])
def test_protection_moves_at_the_broker_and_the_record_proves_it(service: Service, *, is_killed: bool) -> None:
    with hosted(service) as host:
        path, trade = _open_trade(service)
        word = f"{path}/trades/{trade['id']}/trailing-stop"
        run_id = trade["id"].rpartition("-")[0]

        wide = service.client.post(word, json={"stopLoss": 94.0}, headers=service.headers("trader"))
        assert (wide.status_code, wide.json()["code"]) == (409, "stop_too_wide")
        assert "95" in wide.json()["message"]
        over = service.client.post(word, json={"stopLoss": 102.0}, headers=service.headers("trader"))
        assert (over.status_code, over.json()["code"]) == (409, "stop_side")

        moved = service.post("trader", word, {"stopLoss": 98.0, "takeProfit": 115.0}, 200)
        assert moved["status"] == "APPLIED"
        trade = _trade(service, path, lambda trade: trade["stopLoss"] == 98.0)
        assert trade["takeProfit"] == 115.0
        assert ("STOP", "98") in until(lambda: _working_stops(service, run_id), lambda found: ("STOP", "98") in found)

        trailing = service.post("trader", word, {"trailingPercent": 2.0}, 200, headers={"Idempotency-Key": "t"})
        again = service.post("trader", word, {"trailingPercent": 2.0}, 200, headers={"Idempotency-Key": "t"})
        assert trailing == again and trailing["trailingPercent"] == 2.0
        kinds = until(
            lambda: sorted(kind for kind, _ in _working_stops(service, run_id)),
            lambda found: "STOP" not in found,
        )
        assert kinds == ["LIMIT", "TRAILING_STOP"]
        longer = service.client.post(word, json={"trailingPercent": 3.0}, headers=service.headers("trader"))
        assert (longer.status_code, longer.json()["code"]) == (409, "trail_too_wide")
        if is_killed:
            host.kill()
            host.again()

        push(service, "trader", "BTCUSD", 110.0, 110.0, 107.5, 107.0)  # trails 110 by 2 percent: 107.8
        trade = _trade(service, path, lambda trade: trade["status"] == "CLOSED")
        assert trade["exitReason"] == "TRAILING_STOP" and 107.0 <= trade["exitPrice"] <= 107.8
        gone = service.client.post(word, json={}, headers=service.headers("trader"))
        assert gone.status_code == 409 and "no open trade" in gone.json()["message"]

        foreign = service.client.post(word, json={}, headers=service.headers("other"))
        assert foreign.status_code == 404
        said = [row["action"] for row in service.get("owner", "/v1/audit?limit=50")["items"]]
        assert said.count("position.protect") == 2
        kinds = [row.kind for row in service.parts.database.store.tape(run_id)]
        assert kinds.count("PROTECT") == 2
        at = until(lambda: _bar_after(service, run_id), bool)
        bar = service.get("trader", f"/v1/runs/{run_id}/why?symbol=BTCUSD&at={at}")["report"]
        assert any(word.startswith("trader: protect BTCUSD") and "trailing_pct" in word for word in bar["words"]), bar
        parity = service.get("trader", f"/v1/runs/{run_id}/parity")["report"]
        assert parity["decisions"]["percent"] == 100.0, parity
