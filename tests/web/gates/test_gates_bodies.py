"""What is too large, too deep, too slow or not JSON stops at the gate, quickly, and says so in the one shape."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from installation import Service

KIB = 1024
PATH = "/v1/auth/login"


def post(service: Service, body: bytes, **headers: str) -> Any:
    return service.client.post(PATH, content=body, headers={"Content-Type": "application/json", **headers})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 10_000, "too_deep"),
        (b'{"a":' * 10_000, "too_deep"),
        (b"[" * 10_000 + b"]" * 10_000, "too_deep"),
        (b'{"email": NaN}', "odd_json"),
        (b'{"email": -Infinity}', "odd_json"),
        (b'{"email": 1e999}', "odd_json"),
        (b'{"email": -1' + b"0" * 400 + b"}", "odd_json"),
        (b'{"email": "\\ud800"}', "odd_json"),
        (b'{"email": "\\udc00\\ud800"}', "odd_json"),
        (b'{"\\u0000": 1}', "odd_json"),
        ('{"email": "a"}'.encode("utf-16"), "odd_json"),
        (b'{"email": "a"', "invalid"),
        (b'{"email": \xff}', "bad_request"),
        (b"9" * 5_000, "odd_json"),
        (b"[]" * 100_000, "invalid"),
        (b'"' * 100_001, "invalid"),
        (b'\\"' * 100_000, "invalid"),
        (b"9." * 100_000, "invalid"),
        (b"-" * 200_000, "invalid"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_an_odd_body_is_refused_in_one_shape_and_no_time(shared_service: Service, body: bytes, code: str) -> None:
    post(shared_service, b"{}")
    began = time.process_time()
    answer = post(shared_service, body)
    took = time.process_time() - began
    assert answer.status_code in {400, 422}, answer.text
    found = answer.json()
    assert found["code"] == code
    assert set(found) == {"code", "message", "field", "request_id", "details"}
    assert took < (0.05 if len(body) <= 60_000 else 1.0), took


def test_what_only_looks_odd_passes(shared_service: Service) -> None:
    texts = ["NaN and Infinity", "1e999", "\U0001f600", "\\ud800", "[" * 100, 'quote " and \\ slash']
    for text in texts:
        answer = post(shared_service, json.dumps({"username": text, "password": "x"}).encode())
        assert answer.status_code == 401, (text, answer.text)


def test_a_body_of_256_kib_passes_and_one_more_byte_does_not(shared_service: Service) -> None:
    body = b'{"email": "' + b"a" * (256 * KIB - 13) + b'"}'
    assert len(body) == 256 * KIB
    assert post(shared_service, body).json()["code"] == "invalid"
    assert post(shared_service, body + b" ").status_code == 413
    assert post(shared_service, b"{}", **{"Content-Length": "99999999999"}).status_code == 413
    assert post(shared_service, b"{}", **{"Content-Length": "-1"}).status_code == 413


def test_a_body_without_a_length_is_cut_while_it_comes(shared_service: Service) -> None:
    def giant() -> Any:
        for _ in range(1_000):
            yield b" " * 16 * KIB

    answer = shared_service.client.post(PATH, content=giant(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/users/%00", 400),
        ("/v1/users?limit=%00", 400),
        ("/v1/users/" + "a" * 5_000, 414),
        ("/v1/users?cursor=" + "9" * 5_000, 414),
        ("/v1/users/99999999999999999999", 422),
        ("/v1/users/-1", 422),
        ("/v1/users/1e3", 422),
        ("/v1/users?limit=1001", 422),
        ("/v1/users?limit=0", 422),
        ("/v1/users//", 200),
        ("/v1/users/%2e%2e/debug", 404),
        ("/v1/users/9223372036854775807", 404),
    ],
)
def test_odd_addresses(shared_service: Service, path: str, status: int) -> None:
    answer = shared_service.client.get(path, headers=shared_service.headers("admin"))
    assert answer.status_code == status, answer.text


def test_an_error_never_repeats_what_was_sent(shared_service: Service) -> None:
    canary = "canary-7f3a9b"
    bodies = [
        {"email": canary + "@" + canary, "password": canary},
        {"email": [canary], "password": canary},
        {"password": canary},
        {"email": "a" * 300 + canary, "password": canary},
        {"email": "a", "password": canary * 30},
        canary,
    ]
    for body in bodies:
        answer = shared_service.client.post(PATH, json=body)
        assert answer.status_code in {401, 422} and canary not in answer.text
