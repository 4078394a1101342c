"""Every operation under every path: nobody comes in unnamed, nobody above their role, nobody to what is another's.

Made from the OpenAPI document, so a new route is in it by itself, and fails here until it says who may call it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from installation import Service, make_service
from openapi_bodies import smallest_body
from row_makers import BODIES, MAKERS

from tidemill.model.people import Role
from tidemill.web.mounts import MOUNTS

METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
NAMED = re.compile(r"\{([^}]+)\}")
OWNS = {"nothing", "self", "row"}
UNDOCUMENTED = {"/docs", "/redoc", "/openapi.json", "/docs/files", "/ws/v1"}
UNKNOWN = {"integer": "9007199254740991", "string": "no-such-thing"}


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    yield from make_service(tmp_path_factory.mktemp("everybody"))


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, found in sorted(document["paths"].items())
        for method, operation in found.items()
        if method in METHODS
    ]


def filled(everybody: Service, path: str, name: str) -> str:
    """Return a path with rows of somebody's in it."""
    return NAMED.sub(lambda found: MAKERS[found[1]](everybody, name), path)


def unknown(path: str, operation: dict[str, Any]) -> str:
    """Return a path with names that are nobody's."""
    kinds = {item["name"]: item["schema"].get("type", "string") for item in operation.get("parameters", [])}
    return NAMED.sub(lambda found: UNKNOWN[kinds.get(found[1], "string")], path)


def ask(everybody: Service, name: str, method: str, path: str, body: Any = None) -> Any:
    headers = everybody.headers(name) if name else {}
    return everybody.client.request(method, path, headers=headers, json=body)


def body_of(everybody: Service, method: str, path: str, operation: dict[str, Any], name: str) -> Any:
    made = BODIES.get((method, path))
    return made(everybody, name) if made else smallest_body(everybody.app.openapi(), operation)


def test_every_route_says_who_may_call_it_and_whose_data_it_touches(everybody: Service) -> None:
    found = operations(everybody.app.openapi())
    roles = {"anybody", *map(str, Role)}
    assert [
        f"{method} {path}"
        for method, path, operation in found
        if operation.get("x-role") not in roles or operation.get("x-owns") not in OWNS
    ] == []
    assert len(found) > 20


def test_every_mount_is_in_the_document_and_nothing_else_is_served(everybody: Service) -> None:
    paths = set(everybody.app.openapi()["paths"])
    prefixes = [prefix for mount in MOUNTS for prefix in mount.prefixes]
    assert [prefix for prefix in prefixes if not any(path.startswith(prefix) for path in paths)] == []
    served = {getattr(route, "path", None) for route in everybody.app.routes}
    assert {path for path in served if path is not None} - paths - set(prefixes) <= UNDOCUMENTED
    routes = [route for mount in MOUNTS for route in mount.router.routes]
    odd = [route for route in routes if not isinstance(route, APIRoute | APIWebSocketRoute)]
    assert odd == [], "mount a router by itself, in mounts.py: one within another is not looked into"
    assert [route.path for route in routes if isinstance(route, APIRoute) and not route.include_in_schema] == []


def test_every_name_in_a_path_has_a_maker(everybody: Service) -> None:
    names = {name for _, path, _ in operations(everybody.app.openapi()) for name in NAMED.findall(path)}
    assert names - set(MAKERS) == set(), "register a maker in tests/web/row_makers.py"


def test_nobody_comes_in_unnamed(everybody: Service) -> None:
    wrong = []
    for method, path, operation in operations(everybody.app.openapi()):
        if operation["x-role"] != "anybody":
            answer = ask(everybody, "", method, unknown(path, operation))
            if answer.status_code != 401 or answer.json()["code"] != "not_signed_in":
                wrong.append(f"{method} {path}: {answer.status_code}")
            forged = everybody.client.request(
                method, unknown(path, operation), headers={"Authorization": "Bearer e30.e30."}
            )
            if forged.status_code != 401:
                wrong.append(f"{method} {path}, forged: {forged.status_code}")
    assert wrong == []


def test_nobody_does_what_is_above_their_role(everybody: Service) -> None:
    wrong = []
    for method, path, operation in operations(everybody.app.openapi()):
        if operation["x-role"] == "anybody":
            continue
        least = Role(operation["x-role"])
        for role in Role:
            if role.rank < least.rank:
                answer = ask(everybody, str(role), method, unknown(path, operation))
                if answer.status_code != 403:
                    wrong.append(f"{method} {path} as {role}: {answer.status_code}")
    assert wrong == []


def test_what_is_anothers_is_as_if_it_were_not_there(everybody: Service) -> None:
    wrong = []
    for method, path, operation in operations(everybody.app.openapi()):
        if operation["x-owns"] != "row":
            continue
        own = filled(everybody, path, "trader")
        body = body_of(everybody, method, path, operation, "trader")
        least = Role(operation["x-role"])
        strangers = [name for name in ("other", "admin", "owner") if everybody.users[name].role.rank >= least.rank]
        for stranger in strangers:
            answer = ask(everybody, stranger, method, own, body)
            nowhere = ask(everybody, stranger, method, unknown(path, operation), body) if "{" in path else answer
            if answer.status_code != 404 or nowhere.status_code != 404:
                wrong.append(f"{method} {path} as {stranger}: {answer.status_code}, {nowhere.status_code}")
            elif answer.json()["code"] != nowhere.json()["code"]:
                wrong.append(f"{method} {path}: tells a foreign row from none")
        theirs = ask(everybody, "trader" if least.rank <= Role.TRADER.rank else str(least), method, own, body)
        if theirs.status_code in {401, 403} or (theirs.status_code == 404 and least.rank <= Role.TRADER.rank):
            wrong.append(f"{method} {path} as its owner: {theirs.status_code}, so this test proves nothing")
    assert wrong == []


def test_a_slash_at_the_end_changes_nothing(everybody: Service) -> None:
    for method, path, operation in operations(everybody.app.openapi()):
        plain = unknown(path, operation)
        answers = [ask(everybody, "", method, plain + end).status_code for end in ("", "/")]
        assert answers[0] == answers[1] < 500 and answers[0] not in {307, 308}, (method, path)


def test_every_error_that_can_come_is_documented(everybody: Service) -> None:
    document = everybody.app.openapi()
    for method, path, operation in operations(document):
        if operation["x-role"] != "anybody":
            assert {"401", "403"} <= set(operation["responses"]), (method, path)
        assert {"422", "429", "503"} <= set(operation["responses"]), (method, path)
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (method, path, status)
