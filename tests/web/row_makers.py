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


MAKERS: dict[str, Maker] = {
    "agent_id": an_agent,
    "user_number": a_user,
}

def _order(service: Any, name: str) -> Any:
    return {"agentId": an_agent(service, name), "symbol": "AAPL", "side": "Buy", "quantity": 1}


BODIES: dict[tuple[str, str], Callable[[Any, str], Any]] = {
    ("POST", "/v1/agents/orders"): _order,
    ("POST", "/api/agents/orders"): _order,
}
