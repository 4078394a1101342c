"""A real engine host: what it says right now and what it writes arrive on the stream."""

from __future__ import annotations

import time
from typing import Any

from hosting import ALWAYS, hosted, push, until

START = {
    "mode": "PAPER",
    "initialCash": 50_000,
    "symbols": ["BTCUSD"],
    "strategy": "buyAndHold",
    "strategyParameters": {},
    "settings": {**ALWAYS, "position_size_value": 20.0},
    "interval": "1s",
}


def test_prices_bars_orders_and_fills_of_a_real_run_arrive(stream: Any) -> None:
    service, seen = stream.service, set()
    with hosted(service):
        client = stream.connect("trader")
        client.watch("quotes", "bars", "equity", "positions", "orders", "fills", "activity", "runs")
        run = service.post("trader", "/v1/sessions/start", START, 201)["session"]["run_id"]
        until(lambda: service.get("trader", f"/v1/runs/{run}")["run"]["status"], lambda status: status == "RUNNING")
        end = time.monotonic() + 30
        price = 100.0
        while not {"quotes", "bars", "equity", "positions", "orders", "fills", "activity", "runs"} <= seen:
            assert time.monotonic() < end, seen
            push(service, "trader", "BTCUSD", price := price + 1.0)
            message = client.until("values", "delta")
            seen |= set(message.get("topics", ())) | {event["topic"] for event in message.get("events", ())}
            for row in message.get("topics", {}).get("quotes", ()):
                assert row["run_id"] == run and float(row["last"]) > 100.0
