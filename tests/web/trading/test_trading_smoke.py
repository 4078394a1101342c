"""Trading by hand through HTTP only, with a real engine host: the source's smoke test, and a day at the desk."""

from __future__ import annotations

from by_hand import ALWAYS, SMOKE, place, settled, tick, trades
from hosting import hosted, until
from installation import Service


def test_the_smoke_test_of_the_source(service: Service) -> None:
    with hosted(service):
        service.ask("free", "PUT", "/v1/config", 200, json=ALWAYS)
        taken = place(service, SMOKE, name="free")
        assert (taken["status"], taken["order_type"], taken["trigger_price"]) == ("SUBMITTED", "STOP", 17895.0)
        assert (taken["stop_price"], taken["target_price"], taken["paper"]) == (17905.0, 17875.0, True)
        tick(service, 17894.75, name="free")
        filled = settled(service, taken["order_id"], "FILLED", "free")
        assert (filled["filled_quantity"], filled["average_price"]) == (1.0, 17894.75)
        held = service.get("free", "/v1/positions")["positions"]
        assert [(item["symbol"], item["quantity"], item["side"]) for item in held] == [("NQZ5", -1.0, "SHORT")]
        assert (held[0]["stop_price"], held[0]["target_price"]) == (17905.0, 17875.0)
        tick(service, 17874.0, name="free")  # beyond the target: one exit, the stop is gone
        trade = trades(service, 1, "free")[0]
        assert (trade["outcome"], trade["exit_price"], trade["source"]) == ("target", 17874.0, "test")
        assert trade["pnl_usd"] == (17894.75 - 17874.0) * 20.0
        assert trade["r_multiple"] == round(20.75 / 10.25, 4)
        tick(service, 17906.0, name="free")
        assert service.get("free", "/v1/positions")["positions"] == []
        assert until(lambda: service.get("free", "/v1/orders?status=SUBMITTED")["orders"], lambda rows: not rows) == []
        assert service.get("free", "/v1/pnl/daily")["realized_pnl"] == trade["pnl_usd"]
        # A desk takes no place of the tier: FREE has one, and it is free.
        service.post("free", "/v1/sessions/start", {"symbols": ["AAPL"], "strategy": "buyAndHold"}, 201)


def test_a_day_at_the_desk(service: Service) -> None:
    with hosted(service) as host:
        service.ask("trader", "PUT", "/v1/config", 200, json=ALWAYS)
        bought = place(service, {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "LIMIT", "price": 150})
        assert (bought["status"], bought["price"], bought["time_in_force"]) == ("SUBMITTED", 150.0, "GTC")
        tick(service, 151.0, "AAPL")
        tick(service, 149.5, "AAPL")
        settled(service, bought["order_id"], "FILLED")
        tick(service, 152.0, "AAPL")
        open_pnl = until(lambda: service.get("trader", "/v1/pnl/daily"), lambda pnl: pnl["unrealized_pnl"])
        assert open_pnl["unrealized_pnl"] == open_pnl["total_pnl"] == 250.0
        assert (open_pnl["realized_pnl"], open_pnl["trades_opened"]) == (0.0, 1)

        host.kill()
        assert host.again() < 15.0
        resting = place(service, {"symbol": "MSFT", "side": "BUY", "quantity": 1, "order_type": "LIMIT", "price": 300})
        flat = service.post("trader", "/v1/flatten", {"reason": "the day is over"})
        assert (flat["cancelled"], flat["closing"]) == ([resting["order_id"]], ["AAPL"])
        tick(service, 151.0, "AAPL")
        trade = trades(service, 1)[-1]
        assert (trade["outcome"], trade["exit_price"], trade["pnl_usd"]) == ("manual_exit", 151.0, 150.0)
        assert settled(service, resting["order_id"], "CANCELLED")["filled_quantity"] == 0.0

        summary = service.get("trader", "/v1/pnl/summary")
        assert (summary["total_trades"], summary["winning_trades"], summary["realized_pnl"]) == (1, 1, 150.0)
        assert (summary["win_rate_pct"], summary["best_trade"], summary["profit_factor"]) == (100.0, 150.0, None)
        days = service.get("trader", "/v1/pnl/history")["days"]
        assert [(day["trades"], day["realized_pnl"]) for day in days] == [(1, 150.0)]
        portfolio = service.get("trader", "/v1/portfolio")
        assert portfolio["equity"] == portfolio["cash"] == 100_150.0
        fills = service.get("trader", "/v1/fills")["fills"]
        assert [(fill["side"], fill["price"]) for fill in fills] == [("SELL", 151.0), ("BUY", 149.5)]
        stats = service.get("trader", "/v1/stats")
        assert (stats["total_trades"], stats["open_positions"], stats["working_orders"]) == (1, 0, 0)

        run_id = portfolio["run_id"]
        service.post("trader", f"/v1/runs/{run_id}/stop")
        parity = service.get("trader", f"/v1/runs/{run_id}/parity")["report"]
        assert parity["decisions"]["percent"] == 100.0
