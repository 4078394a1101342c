"""Limits that were hit: listed by severity, resolved once in somebody's name, and never another's."""

from __future__ import annotations

from typing import Any

import pytest
from installation import Service
from record import Record


@pytest.fixture
def hit(service: Service) -> Service:
    """An installation with violations of two people."""
    mine, foreign = Record(service, "r1", "trader"), Record(service, "r2", "other")
    for at in range(1, 8):
        mine.violation(("WARNING", "ERROR", "CRITICAL")[at % 3], "daily_loss", at // 2)  # two at once
    foreign.violation("CRITICAL", "theirs", 9)
    return service


def ids(service: Service, **params: Any) -> list[str]:
    return [row["id"] for row in service.get("trader", "/v1/violations", params=params)["violations"]]


def test_they_are_listed_newest_first_by_severity_and_page_by_page(hit: Service) -> None:
    whole = hit.get("trader", "/v1/violations")
    times = [row["timestamp"] for row in whole["violations"]]
    assert len(times) == 7 and times == sorted(times, reverse=True) and "theirs" not in str(whole)
    critical = hit.get("trader", "/v1/violations?severity=CRITICAL")["violations"]
    assert {row["severity"] for row in critical} == {"CRITICAL"} and len(critical) == 2
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = hit.get("trader", "/v1/violations", params={"limit": 2, "cursor": cursor})
        seen += [row["id"] for row in page["violations"]]
        cursor = page["next_cursor"]
    assert seen == ids(hit)
    assert ids(hit, run_id="r2") == []


def test_whoever_resolves_one_first_stays_named_and_is_on_record(hit: Service) -> None:
    name = ids(hit)[0]
    assert not hit.get("trader", f"/v1/violations/{name}")["resolved"]
    done = hit.post("trader", f"/v1/violations/{name}/resolve", {"note": "size cut"}, 200)
    assert (done["resolved"], done["resolved_by"]) == (True, "trader") and done["resolved_at"] is not None
    assert hit.post("trader", f"/v1/violations/{name}/resolve", {}, 200) == done
    assert name not in ids(hit, resolved=False) and ids(hit, resolved=True) == [name]
    audit = [row for row in hit.get("owner", "/v1/audit?limit=50")["items"] if row["action"] == "violation.resolve"]
    assert len(audit) == 1 and "size cut" in str(audit)


@pytest.mark.parametrize("name", ["other", "owner"])
def test_nobody_else_sees_or_resolves_it(hit: Service, name: str) -> None:
    own = ids(hit)[0]
    for method, path in (("GET", f"/v1/violations/{own}"), ("POST", f"/v1/violations/{own}/resolve")):
        answer = hit.client.request(method, path, headers=hit.headers(name))
        assert answer.status_code == 404, answer.text
    assert len(ids(hit, resolved=False)) == 7


@pytest.mark.parametrize("name", ["x", "%%%", "aGk", "AAAA", "_" * 1999])
def test_what_is_no_id_is_not_there(hit: Service, name: str) -> None:
    answer = hit.client.get(f"/v1/violations/{name}", headers=hit.headers("trader"))
    assert answer.status_code == 404
    paged = hit.client.get("/v1/violations", params={"cursor": name}, headers=hit.headers("trader"))
    assert (paged.status_code, paged.json()["code"]) == (422, "bad_cursor")


def test_a_viewer_reads_and_does_not_resolve(service: Service) -> None:
    Record(service, "r9", "viewer").violation("ERROR", "size", 1)
    row = service.get("viewer", "/v1/violations")["violations"][0]
    answer = service.client.post(f"/v1/violations/{row['id']}/resolve", headers=service.headers("viewer"))
    assert answer.status_code == 403
