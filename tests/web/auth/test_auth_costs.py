"""What a sign-in costs, with argon2 as it is shipped: as long for nobody as for somebody, and never much memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from installation import Service

from tidemill.services.access.passwords import Passwords
from tidemill.services.refusals import Refused

MIB = 1024 * 1024
STATUS = Path("/proc/self/status")


def refused_cpu_s(service: Service, name: str) -> float:
    """Return the processor time one refused sign-in takes."""
    before = time.process_time()
    with pytest.raises(Refused):
        service.parts.access.sign_in(name, "wrong", address="")
    return time.process_time() - before


def test_an_unknown_name_takes_as_long_as_a_wrong_password(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    now, step = service.parts.clock.now_ns(), iter(range(1, 10_000))
    monkeypatch.setattr(service.parts.clock, "now_ns", lambda: now + next(step) * 3_600 * 10**9)  # nobody has to wait
    service.parts.access.passwords = Passwords()
    known = service.parts.access.users.named("trader")
    assert known is not None
    service.parts.access.users.keep_better(service.users["trader"].user_id, Passwords().hash("another one"))
    refused_cpu_s(service, "trader")
    theirs = median(refused_cpu_s(service, "trader") for _ in range(7))
    nobodys = median(refused_cpu_s(service, f"nobody-{number}") for number in range(7))
    assert theirs > 0.003  # argon2 was at work
    assert 0.6 < nobodys / theirs < 1.6


def rss_bytes() -> int:
    (line,) = [line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


class Weighing(PasswordHasher):
    """Looks at this process's memory while hashes are at work."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=19 * 1024, parallelism=1)
        self.lock, self.most, self.count = threading.Lock(), 0, 0

    def verify(self, *given: Any) -> Any:
        try:
            return super().verify(*given)
        finally:
            with self.lock:
                self.most, self.count = max(self.most, rss_bytes()), self.count + 1


@pytest.mark.skipif(not STATUS.exists(), reason="this system does not tell a process's memory")
def test_two_hundred_sign_ins_at_once_take_the_memory_of_two(service: Service) -> None:
    hasher = Weighing()
    service.parts.access.passwords = Passwords(hasher)

    def attempt(number: int) -> int:
        body = {"username": f"name-{number}", "password": "wrong"}
        return service.client.post("/v1/auth/login", json=body).status_code

    attempt(0)
    before = rss_bytes()
    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(attempt, range(1, 201)))
    assert set(statuses) <= {401, 503} and 401 in statuses
    assert hasher.count > 5
    assert hasher.most - before < 2 * 19 * MIB + 60 * MIB  # all at once would be nearly four thousand


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_no_secret(shared_service: Service, kind: str, form: Encoding) -> None:
    private: Any = (
        rsa.generate_private_key(65_537, 2_048) if kind == "RS256" else ec.generate_private_key(ec.SECP256R1())
    )
    secret = private.public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(shared_service.tokens["trader"], options={"verify_signature": False})
    for algorithm in ("HS256", kind):
        parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims)]
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        mac = base64.urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")
        headers = {"Authorization": "Bearer " + (signed + b"." + mac).decode()}
        assert shared_service.client.get("/v1/auth/me", headers=headers).status_code == 401
