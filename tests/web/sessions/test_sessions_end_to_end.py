"""A trading session through HTTP only: it trades by itself on pushed ticks, its host dies, it is paused and stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hosting import ALWAYS, hosted, push, until
from installation import Service

# A market that never closes: bars are made at whatever time the tests run.
START = {
    "mode": "PAPER",
    "initialCash": 50_000,
    "symbols": ["BTCUSD"],
    "strategy": "buyAndHold",
    "strategyParameters": {},
    "settings": {**ALWAYS, "position_size_value": 20.0, "take_profit_percentage": 5.0},
    "interval": "1s",
}


def test_a_session_lives_from_start_to_stop(service: Service) -> None:
    user = service.users["trader"].user_id
    with hosted(service) as host:
        started = service.post("trader", "/api/trading/sessions/start", {**START, "userId": user}, 201)
        path = f"/api/trading/sessions/{started['sessionId']}"
        assert (started["session"]["status"], started["session"]["total_trades"]) == ("ACTIVE", 0)
        run_id = started["session"]["run_id"]
        until(lambda: service.get("trader", f"/v1/runs/{run_id}")["run"]["status"], lambda status: status == "RUNNING")

        def bought() -> list[dict[str, object]]:
            push(service, "trader", "BTCUSD", 100.0)
            return service.get("trader", f"{path}/trades")["trades"]

        first = until(bought, lambda trades: trades)[-1]  # the first bar closed, the next tick filled
        assert (first["action"], first["price"], first["pnl"], first["mode"]) == ("BUY", 100.0, None, "PAPER")
        assert 0.0 < first["quantity"] <= 100.0  # a fifth of the money
        portfolio = service.get("trader", f"/api/trading/users/{user}/portfolio")
        assert portfolio["positions"][0]["symbol"] == "BTCUSD"
        assert portfolio["totalValue"] == 50_000.0

        host.kill()
        assert host.again() < 10.0
        assert (
            service.get("trader", f"/api/trading/users/{user}/active-session")["session"]["id"] == started["sessionId"]
        )

        assert service.post("trader", f"{path}/pause")["status"] == "PAUSED"
        assert service.post("trader", f"{path}/resume")["status"] == "ACTIVE"
        push(service, "trader", "BTCUSD", 102.0, 105.5, 106.0)
        told = until(lambda: service.get("trader", path), lambda session: session["total_trades"])
        assert (told["total_trades"], told["winning_trades"]) == (1, 1)
        closing = service.get("trader", f"{path}/trades")["trades"][0]
        assert closing["action"] == "SELL"
        assert closing["pnl"] == told["total_pnl"] > 0.0

        stopped = service.post("trader", f"{path}/stop")
        assert stopped["status"] == "STOPPED"
        assert stopped["final_cash"] == 50_000.0 + told["total_pnl"]
        service.get("trader", f"/api/trading/users/{user}/active-session", 404)
        stats = service.get("trader", f"/api/trading/users/{user}/stats")
        assert (stats["totalTrades"], stats["winRate"], stats["totalPnL"]) == (1, 1.0, told["total_pnl"])


def test_a_session_ends_at_its_scheduled_time(service: Service) -> None:
    with hosted(service):
        end = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
        started = service.post("trader", "/v1/sessions/start", {**START, "scheduledEndTime": end}, 201)
        path = f"/v1/sessions/{started['sessionId']}"
        until(lambda: service.get("trader", path)["status"], lambda status: status == "COMPLETED")
        assert service.get("trader", path)["scheduled_end_time"] == end


def test_a_run_that_fails_ends_alone(service: Service) -> None:
    folder = service.parts.home.folder / "data"
    folder.mkdir()
    (folder / "broken.csv").write_text("no,bars\n1,2\n", encoding="utf-8")
    with hosted(service):
        good = service.post("trader", "/v1/sessions/start", START, 201)
        bad = service.post("trader", "/v1/sessions/start", {**START, "feed": "replay:broken"}, 201)
        told = until(
            lambda: service.get("trader", f"/v1/sessions/{bad['sessionId']}"),
            lambda session: session["status"] == "ERROR",
        )
        assert "broken.csv" in told["message"]
        run_id = good["session"]["run_id"]
        until(lambda: service.get("trader", f"/v1/runs/{run_id}")["run"]["status"], lambda status: status == "RUNNING")
        assert [run["run_id"] for run in service.get("trader", "/v1/runs?active=true")["runs"]] == [run_id]
