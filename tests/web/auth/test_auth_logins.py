"""Guessing a password: as dear for a name nobody has, ever slower, never a lockout, never more than two at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from installation import CHEAP, PASSWORD, Service

from tidemill.services.access.passwords import Passwords
from tidemill.services.refusals import Refused

SECOND = 10**9


def attempt(service: Service, name: str, password: str = "wrong", address: str = "") -> Any:  # noqa: S107
    if address:
        try:
            return service.parts.access.sign_in(name, password, address=address)
        except Refused as error:
            return error
    return service.client.post("/v1/auth/login", json={"username": name, "password": password})


def test_an_unknown_name_costs_what_a_wrong_password_costs(service: Service) -> None:
    passwords, costs, answers = service.parts.access.passwords, [], []
    service.parts.access.users.change(service.users["basic"].user_id, _inactive(), None)
    for name in ("trader", "nobody-here", "nobody@example.com", "basic"):
        before = passwords.hashes
        answer = attempt(service, name, PASSWORD if name == "basic" else "wrong")
        costs.append(passwords.hashes - before)
        answers.append((answer.status_code, answer.json()["code"], answer.json()["message"]))
    assert costs == [1, 1, 1, 1]
    assert len(set(answers)) == 1 and answers[0][0] == 401


def _inactive() -> Any:
    from tidemill.services.access.persons import UserChange

    return UserChange(is_active=False)


def test_hashes_are_argon2id_as_the_cheat_sheet_asks_and_older_ones_are_replaced() -> None:
    passwords = Passwords()
    kept = passwords.hash(PASSWORD)
    found = extract_parameters(kept)
    assert (found.type.name, found.memory_cost, found.time_cost, found.parallelism) == ("ID", 19 * 1024, 2, 1)
    assert passwords.check(kept, PASSWORD).is_right and not passwords.check(kept, PASSWORD).better
    older = passwords.check(CHEAP.hash(PASSWORD), PASSWORD)
    assert older.is_right and extract_parameters(older.better).memory_cost == 19 * 1024
    assert not passwords.check("no hash at all", PASSWORD).is_right


def test_an_older_hash_is_replaced_at_the_next_sign_in(service: Service) -> None:
    dearer = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)
    service.parts.access.passwords._hasher = dearer  # noqa: SLF001 - what a new release of Tidemill does
    before = service.parts.access.users.named("trader")
    assert attempt(service, "trader", PASSWORD).status_code == 200
    after = service.parts.access.users.named("trader")
    assert before is not None and after is not None and before["password_hash"] != after["password_hash"]
    assert extract_parameters(after["password_hash"]).memory_cost == 16
    assert attempt(service, "trader", PASSWORD).status_code == 200


class CountingHasher(PasswordHasher):
    """Counts how many work at once, and lets them pile up."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.lock, self.at_once, self.most = threading.Lock(), 0, 0

    def verify(self, *given: Any) -> Any:
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            for _ in range(20):
                super().hash("work")
            return super().verify(*given)
        finally:
            with self.lock:
                self.at_once -= 1


def test_two_hundred_sign_ins_at_once_hash_two_at_a_time_and_keep_threads_free(service: Service) -> None:
    hasher = CountingHasher()
    service.parts.access.passwords = Passwords(hasher)
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda number: attempt(service, f"name-{number}"), range(200)))
    kinds = {answer.status_code for answer in answers}
    assert hasher.most <= 2
    assert kinds <= {401, 503} and 401 in kinds
    for answer in answers:
        if answer.status_code == 503:
            assert answer.json()["code"] in {"busy", "store_unavailable"}
    assert attempt(service, "trader", PASSWORD).status_code == 200


def test_the_wait_grows_and_ends(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    now = service.parts.clock.now_ns()
    monkeypatch.setattr(service.parts.clock, "now_ns", lambda: now)
    passwords, waits = service.parts.access.passwords, []
    for _ in range(14):
        answer = attempt(service, "trader")
        while answer.status_code == 429:
            before = passwords.hashes
            wait = int(answer.headers["retry-after"])
            assert (
                attempt(service, "trader", PASSWORD).status_code == 429
            )  # also the right one, and it is not looked at
            assert passwords.hashes == before
            waits.append(wait)
            now += wait * SECOND
            answer = attempt(service, "trader")
        assert answer.status_code == 401
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    now += 300 * SECOND
    assert attempt(service, "trader", PASSWORD).status_code == 200  # no lockout
    assert attempt(service, "trader").status_code == 401  # and forgotten


def test_guessing_from_elsewhere_cannot_keep_somebody_out(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    now = service.parts.clock.now_ns()
    monkeypatch.setattr(service.parts.clock, "now_ns", lambda: now)
    for number in range(60):
        attempt(service, "trader", address=f"203.0.113.{number}")
        now += SECOND
    now += 30 * SECOND
    assert not isinstance(attempt(service, "trader", PASSWORD, address="198.51.100.7"), Refused)


def test_attempts_with_a_million_names_leave_no_names_and_are_forgotten(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidemill.adapters.sql.service_tables import LOGIN_THROTTLE

    now = service.parts.clock.now_ns()
    monkeypatch.setattr(service.parts.clock, "now_ns", lambda: now)
    for number in range(20):
        attempt(service, f"name-{number}" * 20)
    assert len(service.parts.database.rows(LOGIN_THROTTLE.select())) == 40
    now += 2 * 86_400 * SECOND
    attempt(service, "trader")
    rows = service.parts.database.rows(LOGIN_THROTTLE.select())
    assert len(rows) == 2 and all(len(row["key"]) == 64 for row in rows)
