"""Places of a tier: fifty starts at once give exactly what the tier allows, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from installation import Service, make_service
from sqlalchemy import update

from tidemill.adapters.sql.service_tables import RUN_OWNERS

pytest_plugins = ["databases"]

PARALLEL = 6  # each asks on threads and connections of its own, and the test server of PostgreSQL has forty
SESSION = {"symbols": ["AAPL"], "strategy": "meanReversion"}


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """An installation on SQLite, and one on PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    yield from make_service(tmp_path, url)


@pytest.mark.parametrize(("name", "most"), [("free", 1), ("basic", 5)])
def test_fifty_starts_at_once_take_exactly_the_places_there_are(installation: Service, name: str, most: int) -> None:
    service = installation
    clients = [service.as_(name) for _ in range(PARALLEL)]

    def start(number: int) -> int:
        return clients[number % PARALLEL].post("/api/trading/sessions/start", json=SESSION).status_code

    with ThreadPoolExecutor(PARALLEL) as pool:
        statuses = Counter(pool.map(start, range(50)))
    assert statuses == {201: most, 400: 50 - most}
    runs = service.get(name, "/v1/runs?active=true")["runs"]
    assert len(runs) == most
    user = service.users[name].user_id
    assert len(service.get(name, f"/api/trading/users/{user}/sessions")["sessions"]) == most


def test_over_the_limit_says_how_many_are_active_and_which(service: Service) -> None:
    first = service.post("free", "/api/trading/sessions/start", SESSION, 201)["session"]
    service.post("free", f"/api/trading/sessions/{first['id']}/pause")  # a paused one counts
    told = service.post("free", "/api/trading/sessions/start", SESSION, 400)
    assert told["code"] == "over_limit"
    assert told["details"] == {
        "tier": "FREE",
        "currentCount": 1,
        "maxAllowed": 1,
        "activeSessions": [first["run_id"]],
    }
    live = service.post(
        "free", "/v1/live-strategies/strategies", {"name": "x", "strategy_id": 2, "symbols": ["A"]}, 201
    )
    told = service.post("free", f"/v1/live-strategies/strategies/{live['id']}/start", status=409)
    assert (told["details"]["current"], told["details"]["maximum"]) == (1, 1)
    agent = {"name": "Late", "accountId": "P", "timeframe": "swing", "strategies": ["momentum"]}
    made = service.post("free", "/v1/agents", agent, 201)  # made all the same, and it says why it does not work yet
    assert (made["active"], made["status"]) == (False, "NEW")
    assert "FREE allows 1" in made["message"]


@pytest.mark.parametrize(("name", "most"), [("premium", 10), ("enterprise", 10)])
def test_each_tier_has_its_places(service: Service, name: str, most: int) -> None:
    for _ in range(most):
        service.post(name, "/v1/sessions/start", SESSION, 201)
    service.post(name, "/v1/sessions/start", SESSION, 400)


def test_a_place_is_free_again_once_the_run_is_over(service: Service) -> None:
    first = service.post("free", "/v1/sessions/start", SESSION, 201)["session"]
    told = service.post("free", f"/v1/runs/{first['run_id']}/stop")
    assert told["wanted"] == "STOP"
    with service.parts.database.write() as writing:  # what the host writes when it has ended a run
        writing.run(update(RUN_OWNERS).values(slot=-1, status="STOPPED"))
    service.post("free", "/v1/sessions/start", SESSION, 201)
    service.post("free", f"/v1/runs/{first['run_id']}/pause", status=409)
    service.post("free", f"/v1/runs/{first['run_id']}/resume", status=409)
