"""A live strategy through HTTP only, on a simulated market: signals, orders, fills, results; its host dies once."""

from __future__ import annotations

import pytest
from hosting import hosted, until
from installation import Service

STRATEGY = {
    "name": "My First Auto Strategy",
    "strategy_id": 1,
    "symbols": ["SIMA", "SIMB"],
    "check_interval": 60,
    "max_positions": 5,
    "max_position_size": 20_000,
    "daily_loss_limit": 50_000,
    "position_size_pct": 0.1,
    "parameters": {"fastWindow": 5, "slowWindow": 20},
    "feed": {"kind": "synthetic", "seed": 7, "speed": 1000},
}


@pytest.mark.parametrize("auto_execute", [True, False])
def test_a_live_strategy_lives_from_creation_to_its_end(service: Service, auto_execute: bool) -> None:
    root = "/api/v1/live-trading"
    with hosted(service) as host:
        made = service.post("trader", f"{root}/strategies", {**STRATEGY, "auto_execute": auto_execute}, 201)
        path = f"{root}/strategies/{made['id']}"
        assert (made["status"], made["feed"], made["total_signals"]) == ("STOPPED", "SIMULATED", 0)
        told = service.post("trader", f"{path}/start")
        assert told == {"success": True, "message": "Strategy started", "strategy_id": made["id"]}
        service.ask("trader", "PUT", path, 409, json={"check_interval": 120})
        service.ask("trader", "DELETE", path, 409)

        signals = until(lambda: service.get("trader", f"{path}/status")["recent_signals"], bool)
        assert {signal["symbol"] for signal in signals} <= {"SIMA", "SIMB"}
        host.kill()
        assert host.again() < 10.0
        if auto_execute:
            done = until(
                lambda: service.get("trader", path), lambda one: one["total_pnl"] and one["executed_trades"] >= 2
            )
            assert done["status"] == "ACTIVE"
            fresh = service.get("trader", f"{root}/signals/recent?executed_only=true")
            assert all(signal["executed"] and signal["execution_price"] > 0.0 for signal in fresh)
        else:
            refused = service.get("trader", f"{root}/signals/recent")
            assert not any(signal["executed"] for signal in refused)
            assert all(signal["execution_error"] for signal in refused)  # why nothing was ordered
            assert service.get("trader", path)["executed_trades"] == 0

        changed = service.ask("trader", "PUT", path, 200, json={"name": "Tighter", "max_position_size": 15_000})
        assert (changed["name"], changed["max_position_size"], changed["status"]) == ("Tighter", 15_000.0, "ACTIVE")
        run_id = service.get("trader", "/v1/runs")["runs"][0]["run_id"]
        limits = until(lambda: [row for row in service.parts.database.store.tape(run_id) if row.kind == "LIMITS"], bool)
        assert len(limits) == 1 and b"15000" in limits[0].body

        service.post("trader", f"{path}/pause")
        until(lambda: service.get("trader", path)["status"], lambda status: status == "PAUSED")
        page = service.get("trader", f"{root}/dashboard")
        assert (page["summary"]["total_strategies"], page["summary"]["active_strategies"]) == (1, 0)
        service.post("trader", f"{path}/start")
        until(lambda: service.get("trader", path)["status"], lambda status: status == "ACTIVE")
        service.post("trader", "/v1/halt", {"scope": f"run:{run_id}", "rung": "flatten"}, 200)
        until(lambda: service.get("trader", f"{root}/positions"), lambda held: held == [])
        service.post("trader", f"{path}/stop")
        assert service.get("trader", path)["status"] == "STOPPED"
        assert service.ask("trader", "PUT", path, 200, json={"name": "Other"})["name"] == "Other"
        service.ask("trader", "DELETE", path, 204)
        service.get("trader", path, 404)
