"""A paused desk takes no entry and says so in one sentence; cancelling and closing work, and it goes on when told."""

from __future__ import annotations

from by_hand import ALWAYS, order, place, settled, tick
from hosting import hosted, until
from installation import Service

BUY = {"symbol": "NQZ5", "side": "BUY", "quantity": 1, "order_type": "MARKET"}


def test_a_paused_desk_refuses_entries_and_lets_people_out(service: Service) -> None:
    with hosted(service):
        service.ask("trader", "PUT", "/v1/config", 200, json=ALWAYS)
        bought = place(service, {**BUY, "quantity": 2, "order_type": "LIMIT", "price": 17_900.0})["order_id"]
        tick(service, 17_895.0)
        tick(service, 17_895.25)
        settled(service, bought, "FILLED")
        resting = place(service, {**BUY, "order_type": "LIMIT", "price": 17_000.0})["order_id"]
        run_id = service.get("trader", "/v1/runs?face=manual")["runs"][0]["run_id"]

        service.post("trader", f"/v1/runs/{run_id}/pause")
        until(lambda: service.get("trader", f"/v1/runs/{run_id}")["run"]["status"], "PAUSED".__eq__)
        assert order(service, resting)["status"] == "SUBMITTED"
        service.ask("trader", "DELETE", f"/v1/orders/{resting}", 200)
        settled(service, resting, "CANCELLED")
        refused = place(service, {**BUY, "quantity": 3}, 422)
        assert refused["code"] == "paused" and refused["message"].count(".") == 1, refused
        closing = place(service, {**BUY, "side": "SELL", "quantity": 2})["order_id"]
        tick(service, 17_900.0)
        settled(service, closing, "FILLED")

        service.post("trader", f"/v1/runs/{run_id}/resume")
        until(lambda: service.get("trader", f"/v1/runs/{run_id}")["run"]["status"], "RUNNING".__eq__)
        again = place(service, {**BUY, "quantity": 4})["order_id"]
        tick(service, 17_900.25)
        settled(service, again, "FILLED")
