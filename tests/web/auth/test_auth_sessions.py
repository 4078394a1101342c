"""Sessions end when they should: signing out, another password, less rights, a stolen refresh token."""

from __future__ import annotations

from typing import Any

import pytest
from installation import PASSWORD, Service

from tidemill.model.people import Role, Tier
from tidemill.services.access.persons import UserChange


def sign_in(service: Service, name: str, password: str = PASSWORD) -> dict[str, Any]:
    pair: dict[str, Any] = service.post("", "/v1/auth/login", {"username": name, "password": password})
    return pair


def status(service: Service, token: str, path: str = "/v1/auth/me") -> int:
    return service.client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def refresh(service: Service, token: str, expected: int = 200) -> Any:
    return service.post("", "/v1/auth/refresh", {"refresh_token": token}, expected)


def test_by_email_and_by_name_under_both_paths(service: Service) -> None:
    for path in ("/v1/auth/login", "/api/v1/auth/login", "/api/v1/auth/login/"):
        for body in ({"email": "Trader@Example.com"}, {"username": " trader"}, {"email": "trader"}):
            found = service.post("", path, {**body, "password": PASSWORD})
            assert found["token_type"] == "bearer"  # noqa: S105 - the name of a kind
            assert found["expires_in"] == 900
            assert found["user"]["username"] == "trader"
            assert status(service, found["access_token"]) == 200


def test_a_refresh_token_is_good_once_and_its_second_use_ends_everything_of_that_sign_in(service: Service) -> None:
    first, elsewhere = sign_in(service, "trader"), sign_in(service, "trader")
    second = refresh(service, first["refresh_token"])
    third = refresh(service, second["refresh_token"])
    assert len({pair["refresh_token"] for pair in (first, second, third)}) == 3
    assert refresh(service, second["refresh_token"], 401)["code"] == "bad_refresh_token"  # a thief, or their victim
    refresh(service, third["refresh_token"], 401)
    assert {status(service, pair["access_token"]) for pair in (first, second, third)} == {401}
    assert status(service, elsewhere["access_token"]) == 200
    assert refresh(service, elsewhere["refresh_token"])["access_token"]


def test_signing_out_ends_this_session_or_all(service: Service) -> None:
    here, there, third = (sign_in(service, "trader") for _ in range(3))
    headers = {"Authorization": f"Bearer {here['access_token']}"}
    assert service.client.post("/v1/auth/logout", headers=headers).status_code == 204
    assert [status(service, pair["access_token"]) for pair in (here, there)] == [401, 200]
    refresh(service, here["refresh_token"], 401)
    headers = {"Authorization": f"Bearer {there['access_token']}"}
    assert service.client.post("/v1/auth/logout", headers=headers, json={"everywhere": True}).status_code == 204
    assert [status(service, pair["access_token"]) for pair in (there, third)] == [401, 401]
    refresh(service, third["refresh_token"], 401)


def test_another_password_ends_every_other_session(service: Service) -> None:
    before = sign_in(service, "trader")
    body = {"old_password": "not that one at all", "new_password": "three plain words"}
    assert service.post("trader", "/v1/auth/password", body, 403)["code"] == "wrong_password"
    body["old_password"] = PASSWORD
    after = service.post("trader", "/v1/auth/password", body)
    assert status(service, before["access_token"]) == status(service, service.tokens["trader"]) == 401
    refresh(service, before["refresh_token"], 401)
    assert status(service, after["access_token"]) == 200
    service.post("", "/v1/auth/login", {"username": "trader", "password": PASSWORD}, 401)
    assert sign_in(service, "trader", "three plain words")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (UserChange(role=Role.VIEWER), 401),
        (UserChange(is_active=False), 401),
        (UserChange(tier=Tier.FREE), 200),
        (UserChange(role=Role.ADMIN), 200),
    ],
    ids=["role taken away", "deactivated", "tier lowered", "role given"],
)
def test_rights_are_those_of_this_moment(service: Service, change: UserChange, expected: int) -> None:
    pair = sign_in(service, "trader")
    service.parts.access.users.change(service.users["trader"].user_id, change, None)
    assert status(service, pair["access_token"]) == expected
    if expected == 200:
        me = service.client.get("/v1/auth/me", headers={"Authorization": f"Bearer {pair['access_token']}"}).json()
        assert me["tier"] == str(change.tier or Tier.PREMIUM)
        may_list = 200 if change.role is Role.ADMIN else 403
        assert status(service, pair["access_token"], "/v1/users") == may_list
    else:
        refresh(service, pair["refresh_token"], 401)


def test_somebody_who_was_removed_is_nobody_and_their_number_is_never_given_again(service: Service) -> None:
    pair, number = sign_in(service, "enterprise"), service.users["enterprise"].user_id
    assert number == max(user.user_id for user in service.users.values())
    service.ask("owner", "DELETE", f"/v1/users/{number}", 204)
    assert status(service, pair["access_token"]) == 401
    refresh(service, pair["refresh_token"], 401)
    assert service.add("newcomer").user_id > number
    assert status(service, pair["access_token"]) == 401


def test_sessions_end_by_themselves(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = sign_in(service, "trader")
    real = service.parts.clock.now_ns()
    monkeypatch.setattr(service.parts.clock, "now_ns", lambda: real + 16 * 60 * 10**9)
    assert status(service, pair["access_token"]) == 401
    after = refresh(service, pair["refresh_token"])
    assert status(service, after["access_token"]) == 200
    monkeypatch.setattr(service.parts.clock, "now_ns", lambda: real + 15 * 86_400 * 10**9)
    refresh(service, after["refresh_token"], 401)


def test_a_session_that_is_always_prolonged_ends_all_the_same(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, real = sign_in(service, "trader")["refresh_token"], service.parts.clock.now_ns()
    for day in range(10, 90, 10):
        monkeypatch.setattr(service.parts.clock, "now_ns", lambda day=day: real + day * 86_400 * 10**9)
        token = refresh(service, token)["refresh_token"]
    monkeypatch.setattr(service.parts.clock, "now_ns", lambda: real + 91 * 86_400 * 10**9)
    refresh(service, token, 401)


def test_nothing_of_a_token_is_kept_that_could_be_used(service: Service) -> None:
    pair = sign_in(service, "trader")
    kept = service.parts.database.file.read_bytes() if service.parts.database.file else b""
    wal = service.parts.home.folder.glob("*.db-wal")
    kept += b"".join(path.read_bytes() for path in wal)
    assert b"trader@example.com" in kept
    for secret in (pair["refresh_token"], pair["access_token"], PASSWORD):
        assert secret.encode() not in kept
