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


MAKERS: dict[str, Maker] = {
    "live_id": a_live_strategy,
    "run_id": a_run,
    "session_id": a_session,
    "trade_id": lambda _service, _name: "no-trade-1",
    "user_id": oneself,
    "agent_id": an_agent,
    "user_number": a_user,
}


def _order(service: Any, name: str) -> Any:
    return {"agentId": an_agent(service, name), "symbol": "AAPL", "side": "Buy", "quantity": 1}


BODIES: dict[tuple[str, str], Callable[[Any, str], Any]] = {
    ("POST", "/v1/agents/orders"): _order,
    ("POST", "/api/agents/orders"): _order,
    ("POST", "/v1/runs/{run_id}/ticks"): lambda _service, _name: {"ticks": [{"symbol": "AAPL", "price": 1.0}]},
}
