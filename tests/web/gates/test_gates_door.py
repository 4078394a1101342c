"""Names of requests, hosts, headers, other origins, how often: what every request meets and every answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from installation import Service, make_service

from tidemill.web.gates.hosts import Hosts
from tidemill.web.rates import Rates


@pytest.mark.parametrize("host", ["localhost", "localhost:9001", "127.0.0.1:80", "[::1]:9001", "LOCALHOST"])
def test_own_names_pass(shared_service: Service, host: str) -> None:
    assert shared_service.client.get("/v1/auth/me", headers={"Host": host}).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "evil.example:9001", "[::2]", "0"]
)
@pytest.mark.parametrize("path", ["/v1/auth/me", "/docs", "/openapi.json", "/docs/files/swagger.html"])
def test_a_page_that_points_its_own_name_here_is_turned_away(shared_service: Service, host: str, path: str) -> None:
    answer = shared_service.client.get(path, headers={"Host": host, **shared_service.headers("owner")})
    assert answer.status_code == 400 and answer.json()["code"] == "unknown_host"


def test_every_answer_carries_the_headers_and_its_own_name(shared_service: Service) -> None:
    answers = [
        shared_service.client.get("/v1/auth/me"),
        shared_service.client.get("/nothing"),
        shared_service.client.get("/docs"),
        shared_service.client.get("/v1/auth/me", headers={"Host": "evil.example"}),
        shared_service.client.post("/v1/auth/login", content=b"[" * 1_000),
        shared_service.client.put("/v1/auth/login"),
    ]
    assert [answer.status_code for answer in answers] == [401, 404, 200, 400, 422, 405]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers
        if answer.headers["content-type"] == "application/json":
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def test_a_name_of_a_request_is_taken_over_if_it_is_one(shared_service: Service) -> None:
    for given, is_taken in (("order-2024-0001", True), ("short", False), ("x" * 65, False), ("a b c d e f", False)):
        answer = shared_service.client.get("/v1/auth/me", headers={"X-Request-Id": given})
        assert (answer.headers["x-request-id"] == given) is is_taken


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Service]:
    yield from make_service(tmp_path, cors_origins="https://desk.example", allowed_hosts="api.example")


def test_other_origins_read_nothing_unless_they_are_named(shared_service: Service, elsewhere: Service) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for service, origin, expected in (
        (shared_service, "https://desk.example", None),
        (elsewhere, "https://desk.example", "https://desk.example"),
        (elsewhere, "https://evil.example", None),
        (elsewhere, "null", None),
    ):
        headers = {"Origin": origin, **preflight}
        for answer in (
            service.client.options("/v1/auth/login", headers=headers),
            service.client.get("/v1/auth/me", headers={"Origin": origin}),
        ):
            assert answer.headers.get("access-control-allow-origin") == expected
            assert "access-control-allow-credentials" not in answer.headers
    assert elsewhere.client.get("/v1/auth/me", headers={"Host": "api.example"}).status_code == 401


async def never(*_: Any) -> None:
    raise AssertionError("the gate let it through")


@pytest.mark.parametrize(
    ("host", "origin", "passes"),
    [
        ("localhost:9001", None, True),
        ("localhost:9001", "http://localhost:9001", True),
        ("localhost:9001", "https://desk.example", True),
        ("localhost:9001", "http://localhost:3000", False),
        ("localhost:9001", "https://evil.example", False),
        ("localhost:9001", "null", False),
        ("evil.example", None, False),
    ],
)
def test_a_websocket_opens_for_own_pages_only(host: str, origin: str | None, passes: bool) -> None:
    import asyncio

    passed, sent = [], []

    async def inside(*_: Any) -> None:
        passed.append(True)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else [])]
    scope = {"type": "websocket", "headers": headers, "state": {"request_id": "req-1"}}
    asyncio.run(Hosts(inside, (), ("https://desk.example",))(scope, never, send))
    assert bool(passed) is passes
    assert [message["type"] for message in sent] == ([] if passes else ["websocket.close"])


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 0

    def monotonic_ns(self) -> int:
        return self.at

    now_ns = monotonic_ns

    async def sleep(self, seconds: float) -> None:
        self.at += int(seconds * 1e9)


def test_a_bucket_fills_again_and_there_are_only_so_many() -> None:
    hands = Hands()
    rates = Rates(hands, most=100)
    assert [rates.wait_s("a", 60) for _ in range(60)] == [0.0] * 60
    assert rates.wait_s("a", 60) == pytest.approx(1.0)
    assert rates.wait_s("b", 60) == 0.0
    hands.at += 500_000_000
    assert rates.wait_s("a", 60) == pytest.approx(0.5)
    hands.at += 500_000_000
    assert rates.wait_s("a", 60) == 0.0
    for number in range(10_000):
        rates.wait_s(f"caller {number}", 60)
    assert len(rates) == 100


def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_not(tmp_path: Path) -> None:
    for service in make_service(tmp_path, rate_limit_ratio=0.01):  # three a minute where three hundred are usual
        answers = [service.as_("trader").get("/v1/auth/me") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[3].json()["code"] == "too_often" and 0 < int(answers[3].headers["retry-after"]) <= 20
        assert service.as_("other").get("/v1/auth/me").status_code == 200
        assert service.as_("trader").get("/v1/auth/tiers").status_code == 200


def test_this_machine_needs_no_token_only_when_that_is_set(tmp_path: Path) -> None:
    for service in make_service(tmp_path, profile="dev", loopback_without_token=True):
        here = TestClient(service.app, base_url="http://localhost", client=("127.0.0.1", 50_000))
        assert here.get("/v1/auth/me").json()["username"] == "owner"
        there = TestClient(service.app, base_url="http://localhost", client=("192.0.2.7", 50_000))
        assert there.get("/v1/auth/me").status_code == 401
        for headers in (
            {"X-Forwarded-For": "127.0.0.1"},
            {"Forwarded": "for=127.0.0.1"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Authorization": "Bearer nonsense"},
            {"Authorization": "Basic eDp5"},
        ):
            assert here.get("/v1/auth/me", headers=headers).status_code == 401, headers
        own_page = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        assert here.get("/v1/auth/me", headers=own_page).status_code == 200
