"""Who may add, change and remove whom; names and passwords; the first owner; and the record of all that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from installation import PASSWORD, Service, make_parts

from tidemill.adapters.sql.service_tables import AUDIT_LOG
from tidemill.adapters.sql.tables import META
from tidemill.model.errors import TapeBroken
from tidemill.services.access.audit import record, verify
from tidemill.web.app import create_app

NEW = {"username": "newcomer", "email": "new@example.com", "password": PASSWORD}


@pytest.mark.parametrize(
    ("by", "role", "status"),
    [
        ("owner", "owner", 201),
        ("owner", "admin", 201),
        ("owner", "trader", 201),
        ("admin", "owner", 403),
        ("admin", "admin", 403),
        ("admin", "trader", 201),
        ("admin", "viewer", 201),
        ("trader", "viewer", 403),
        ("viewer", "viewer", 403),
    ],
)
def test_nobody_gives_a_role_they_are_not_above(service: Service, by: str, role: str, status: int) -> None:
    made = service.post(by, "/v1/users", {**NEW, "role": role}, status)
    if status == 201:
        assert made["roles"][-1] == role and "password" not in str(made)
        assert service.post("", "/v1/auth/login", {"email": "new@example.com", "password": PASSWORD})


@pytest.mark.parametrize(
    ("by", "whom", "change", "status"),
    [
        ("admin", "trader", {"tier": "ENTERPRISE"}, 200),
        ("admin", "trader", {"role": "viewer", "is_active": False}, 200),
        ("admin", "trader", {"role": "admin"}, 403),
        ("admin", "admin", {"tier": "FREE"}, 403),
        ("admin", "owner", {"is_active": False}, 403),
        ("admin", "owner", {"email": "mine@example.com"}, 403),
        ("owner", "admin", {"role": "viewer"}, 200),
        ("owner", "owner", {"role": "admin"}, 409),
        ("owner", "owner", {"is_active": False}, 409),
        ("owner", "trader", {"email": "other@example.com"}, 409),
        ("owner", "trader", {"email": "no address"}, 422),
        ("owner", "trader", {"id": 1}, 422),
        ("owner", "trader", {"password_hash": "x"}, 422),
        ("owner", "trader", {"session_version": 1}, 422),
        ("owner", "trader", {"tier": "GOLD"}, 422),
    ],
)
def test_changing_somebody(service: Service, by: str, whom: str, change: dict[str, Any], status: int) -> None:
    path = f"/v1/users/{service.users[whom].user_id}"
    before = service.get("owner", path)
    service.ask(by, "PATCH", path, status, json=change)
    if status != 200:
        assert service.get("owner", path) == before


@pytest.mark.parametrize(
    ("by", "whom", "status"),
    [("admin", "trader", 204), ("admin", "owner", 403), ("admin", "admin", 403), ("owner", "owner", 409)],
)
def test_removing_somebody(service: Service, by: str, whom: str, status: int) -> None:
    service.ask(by, "DELETE", f"/v1/users/{service.users[whom].user_id}", status)


@pytest.mark.parametrize(
    "change",
    [
        {"username": "ab!"},
        {"username": "-abc"},
        {"username": "a@b.example"},
        {"username": "a" * 33},
        {"email": "nobody"},
        {"email": "a b@example.com"},
        {"password": "short"},
        {"password": "a" * 12},
        {"password": "newcomer is my name"},
        {"password": "x" * 129},
        {"role": "god"},
        {"tier": "free"},
        {"is_active": True},
        {"roles": ["owner"]},
        {"user_id": 1},
    ],
    ids=str,
)
def test_what_is_not_well_formed_is_refused(shared_service: Service, change: dict[str, Any]) -> None:
    found = shared_service.post("owner", "/v1/users", {**NEW, **change}, 422)
    assert found["field"].startswith("body")


def test_names_are_taken_once_whatever_their_letters(service: Service) -> None:
    service.post("owner", "/v1/users", NEW, 201)
    changes = ({"username": "NEWCOMER", "email": "x@example.com"}, {"username": "two", "email": "NEW@EXAMPLE.COM"})
    for change in changes:
        assert service.post("owner", "/v1/users", {**NEW, **change}, 409)["code"] == "name_taken"


def test_pages_of_people_and_of_what_they_did(service: Service) -> None:
    seen, cursor = [], None
    while True:
        page = service.get("admin", "/v1/users", params={"limit": 4, **({"cursor": cursor} if cursor else {})})
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted({user.user_id for user in service.users.values()})
    first = service.get("admin", "/v1/audit", params={"limit": 2})
    second = service.get("admin", "/v1/audit", params={"limit": 2, "cursor": first["next_cursor"]})
    numbers = [item["id"] for item in first["items"] + second["items"]]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == 4


def test_the_first_owner_is_whoever_has_the_code_once(tmp_path: Path) -> None:
    parts = make_parts(tmp_path)
    code = parts.access.new_owner_code()
    assert code is not None and parts.access.new_owner_code() is None
    kept = parts.database.row(META.select().where(META.c.name == "owner_code"))
    assert kept is not None and code not in kept["value"]
    with TestClient(create_app(parts), base_url="http://localhost") as client:
        body = {"code": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", **NEW}
        assert client.post("/v1/auth/register-owner", json=body).json()["code"] == "bad_owner_code"
        body["code"] = f" {code.lower().replace('-', '')} "

        def register(number: int) -> int:
            names = {"username": f"owner-{number}", "email": f"{number}@example.com"}
            return client.post("/v1/auth/register-owner", json={**body, **names}).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(register, range(3)))
        assert statuses.count(201) == 1 and set(statuses) <= {201, 403, 409, 429, 503}
        assert parts.access.new_owner_code(again=True) is None
        assert [user.role for user in parts.access.users.page(10)] == ["owner"]
    parts.close()


def test_every_change_is_in_the_record_and_the_record_adds_up(service: Service) -> None:
    number = service.users["trader"].user_id
    service.ask("owner", "PATCH", f"/v1/users/{number}", 200, json={"tier": "FREE"}, headers={"X-Request-Id": "q" * 9})
    service.post("", "/v1/auth/login", {"username": "trader", "password": "wrong"}, 401)
    newest = service.get("admin", "/v1/audit", params={"limit": 2})["items"]
    assert [item["action"] for item in newest] == ["login.refused", "user.change"]
    assert newest[1]["actor"] == "owner" and newest[1]["detail"] == {"tier": "FREE"}
    assert newest[1]["object"] == f"user:{number}"
    proof = service.get("admin", "/v1/audit/proof")
    assert (proof["is_whole"], proof["rows"]) == (True, newest[0]["id"])


@pytest.mark.parametrize("harm", ["changed", "removed", "cut", "put in", "emptied"])
def test_a_record_that_was_touched_does_not_add_up(service: Service, harm: str) -> None:
    db, columns = service.parts.database, AUDIT_LOG.c
    assert verify(db).rows > 5
    with db.write() as writing:
        if harm == "changed":
            writing.run(AUDIT_LOG.update().where(columns.id == 3).values(detail_json="{}"))
        elif harm == "removed":
            writing.run(AUDIT_LOG.delete().where(columns.id == 3))
        elif harm == "cut":
            writing.run(AUDIT_LOG.delete().where(columns.id > 5))
        elif harm == "emptied":
            writing.run(AUDIT_LOG.delete())
        else:
            row = dict(db.rows(AUDIT_LOG.select().where(columns.id == 3))[0])
            writing.run(AUDIT_LOG.insert().values(**{**row, "id": 999, "prev_hash": "x"}))
    with pytest.raises(TapeBroken):
        verify(db)
    proof = service.get("admin", "/v1/audit/proof")
    assert not proof["is_whole"] and "audit log" in proof["message"]


def test_writers_at_once_make_one_chain(service: Service) -> None:
    before = verify(service.parts.database).rows
    by = service.principal("trader")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: record(service.parts.database, by, "test", f"thing:{n}", {"n": n}), range(40)))
    assert verify(service.parts.database).rows == before + 40
