"""How a test comes by a row of somebody's: one maker for each name that stands in a path, made through the API.

Whoever adds a route whose path takes a new name registers a maker here: ``maker(service, "trader")`` makes a row that
belongs to that person and returns what stands in the path. Where the smallest body of the OpenAPI document will not do,
a body is registered under method and path as the document writes it: ``body(service, "trader")``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.model.journal import Batch, ViolationRow
from tidemill.services.monitoring.violations import id_of
from tidemill.services.notify.kinds import Happening, Kind, Priority

__all__ = ["BODIES", "MAKERS"]

Maker = Callable[[Any, str], str]


def a_user(service: Any, name: str) -> str:
    """Somebody whom nobody misses: these routes are about people, and belong to no one."""
    del name
    number = len(service.users)
    return str(service.add(f"somebody-{number}").user_id)


def _free_places(service: Any, name: str) -> None:
    """End whatever of somebody's takes a place: nothing is hosted here, so nobody else would."""
    with service.parts.database.write() as writing:
        mine = update(RUN_OWNERS).where(RUN_OWNERS.c.user_id == service.users[name].user_id)
        writing.run(mine.values(slot=-1, status="STOPPED"))


def an_agent(service: Any, name: str) -> str:
    """A trading agent that is not at work."""
    body = {
        "name": "Maker",
        "accountId": "PAPER",
        "timeframe": "intraday",
        "strategies": ["momentum"],
        "active": False,
    }
    return str(service.post(name, "/v1/agents", body, 201)["id"])


def a_live_strategy(service: Any, name: str) -> str:
    """A live strategy that is not at work."""
    body = {"name": "Maker", "strategy_id": 1, "symbols": ["AAPL"]}
    return str(service.post(name, "/v1/live-strategies/strategies", body, 201)["id"])


def _session(service: Any, name: str) -> Any:
    _free_places(service, name)
    body = {"symbols": ["AAPL"], "strategy": "meanReversion"}
    return service.post(name, "/v1/sessions/start", body, 201)["session"]


def a_session(service: Any, name: str) -> str:
    """A session that waits for an engine."""
    return str(_session(service, name)["id"])


def a_run(service: Any, name: str) -> str:
    """A run that is over: nobody hosts it, so it could not be ended in time."""
    run_id = str(_session(service, name)["run_id"])
    _free_places(service, name)
    return run_id


def oneself(service: Any, name: str) -> str:
    """The number of whoever asks; a session of theirs is at work."""
    _session(service, name)
    return str(service.users[name].user_id)


def a_backtest(service: Any, name: str) -> str:
    """A finished backtest; one for each person, because each takes a worker."""
    made = service.get(name, "/v1/backtests?status=DONE")["backtests"]
    body = {"symbols": ["AAPL"], "strategy": "meanReversion"}
    return str(made[0]["id"] if made else service.post(name, "/v1/backtests/run", body)["jobId"])


def a_performance(service: Any, name: str) -> str:
    """The record of a backtest, made anew when it was taken away."""
    a_backtest(service, name)
    kept = service.get(name, "/v1/performance/overview?execution_type=backtest")["performances"]
    body = {"symbols": ["AAPL"], "strategy": "momentum"}
    return str(kept[0]["id"] if kept else service.post(name, "/v1/backtests/run", body)["performanceId"])


def _fresh_name(service: Any) -> str:
    service.made = getattr(service, "made", 0) + 1
    return f"Maker {service.made}"


def a_saved_strategy(service: Any, name: str) -> str:
    """A strategy kept under a name of its own."""
    body = {"name": _fresh_name(service), "strategy_type": "meanReversion", "config": {"window": 30}}
    user = service.users[name].user_id
    return str(service.post(name, f"/v1/strategies/users/{user}/strategies", body, 201)["id"])


def a_custom_strategy(service: Any, name: str) -> str:
    """Conditions that are kept."""
    rsi = {"type": "rsi", "period": 14}
    body = {
        "name": _fresh_name(service),
        "buy_conditions": {"type": "indicator", "indicator": {**rsi, "condition": "below", "value": 30}},
        "sell_conditions": {"type": "indicator", "indicator": {**rsi, "condition": "above", "value": 70}},
    }
    return str(service.post(name, "/v1/custom-strategies", body, 201)["id"])


def an_order(service: Any, name: str) -> str:
    """A trade of the past that was written down: it needs no engine."""
    body = {"symbol": "NQZ5", "side": "BUY", "qty": 1, "entry": 17895, "features": {"is_backfill": True}}
    return str(service.post(name, "/v1/orders", body, 201)["order_id"])


def a_notification(service: Any, name: str) -> str:
    """Something somebody was told."""
    telling, user_id = service.parts.telling.notifications, service.users[name].user_id
    key = f"maker-{user_id}"
    happening = Happening(user_id, key, Kind.ALERT, "Title", "Text", 1, Priority.LOW)
    with service.parts.database.write() as writing:
        telling.add(writing, happening)
    return str(telling.page(service.principal(name).scope, 1000)[-1]["id"])


def a_webhook(service: Any, name: str) -> str:
    """A webhook nobody listens to; the one there is, as long as it is there."""
    known = service.get(name, "/v1/webhooks")["webhooks"]
    body = {"url": "https://example.com/hook", "events": ["bot.started"]}
    return str(known[0]["id"] if known else service.post(name, "/v1/webhooks", body, 201)["id"])


def a_violation(service: Any, name: str) -> str:
    """A limit that was hit in a run of theirs."""
    run_id = a_run(service, name)
    row = ViolationRow(
        f"{run_id}/run:{run_id}/daily_loss/1.1", run_id, f"run:{run_id}", "daily_loss", "ERROR", "hit", 1
    )
    service.parts.database.store.commit(Batch(violations=[row]))
    return id_of(row.key)


MAKERS: dict[str, Maker] = {
    "violation_id": a_violation,
    "notification_id": a_notification,
    "webhook_id": a_webhook,
    "order_id": an_order,
    "custom_id": a_custom_strategy,
    "job_id": a_backtest,
    "performance_id": a_performance,
    "strategy_id": a_saved_strategy,
    "strategy_name": lambda _service, _name: "meanReversion",
    "strategy_type": lambda _service, _name: "meanReversion",
    "live_id": a_live_strategy,
    "run_id": a_run,
    "session_id": a_session,
    "recommendation_id": lambda _service, _name: "no-recommendation-1",
    "trade_id": lambda _service, _name: "no-trade-1",
    "user_id": oneself,
    "agent_id": an_agent,
    "user_number": a_user,
}


def _order(service: Any, name: str) -> Any:
    return {"agentId": an_agent(service, name), "symbol": "AAPL", "side": "Buy", "quantity": 1}


def _compared(service: Any, name: str) -> Any:
    return {"ids": [a_backtest(service, name)]}


def _named(service: Any, name: str) -> Any:
    del name
    return {"name": _fresh_name(service), "strategy_type": "momentum"}


def _kept(service: Any, name: str) -> Any:
    del name
    return {"name": _fresh_name(service)}


BODIES: dict[tuple[str, str], Callable[[Any, str], Any]] = {
    ("POST", "/v1/backtests/compare"): _compared,
    ("POST", "/api/backtest/compare"): _compared,
    ("POST", "/v1/backtests/{job_id}/save"): _kept,
    ("POST", "/api/backtest/{job_id}/save"): _kept,
    ("POST", "/v1/strategies/users/{user_id}/strategies"): _named,
    ("POST", "/api/strategies/users/{user_id}/strategies"): _named,
    ("POST", "/v1/agents/orders"): _order,
    ("POST", "/api/agents/orders"): _order,
    ("POST", "/v1/runs/{run_id}/protection"): lambda _service, _name: {"symbol": "AAPL", "stop_loss": 1.0},
    ("POST", "/v1/runs/{run_id}/ticks"): lambda _service, _name: {"ticks": [{"symbol": "AAPL", "price": 1.0}]},
}
