"""Hostile texts in every field of every operation: no defect, nothing raw in a log, no formula in a file.

The fields come from the OpenAPI document, so a new one is tried by itself; the texts from ``hostile``.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hostile import BODIES, LOOK_ALIKES, NUMBERS, TEXTS
from impatience import nobody_waits
from installation import Service, make_service
from openapi_bodies import smallest_body
from signing import owner_headers

from tidemill.bootstrap.server_log import ServerLog
from tidemill.services.logs import Log, redact

METHODS = ("get", "put", "post", "delete", "patch")
NAMED = re.compile(r"\{([^}]+)\}")
PLAIN = {"integer": "1", "string": "a-name"}
# What a terminal obeys, and what makes a line read otherwise than it is written.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
FORMULA = re.compile("[=+@\t\r\n\uff1d\uff0b\uff20]|-(?![0-9])")
Place = tuple[str | int, ...]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An installation without engines, where nobody waits for one."""
    with nobody_waits():
        yield from make_service(tmp_path_factory.mktemp("corpus"))


def operations(service: Service) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every operation under its own path: the others' paths lead to the same code."""
    document = service.app.openapi()
    return [
        (method.upper(), path, operation)
        for path, found in sorted(document["paths"].items())
        for method, operation in found.items()
        if method in METHODS and path.startswith("/v1/") and "/auth/log" not in path
    ]


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def places(document: dict[str, Any], schema: dict[str, Any], kind: str, at: Place = (), depth: int = 4) -> set[Place]:
    """Return where in a body a text (or a number) may stand; names of free objects are texts too."""
    schema = resolved(document, schema)
    if depth == 0:
        return set()
    found = {at} if schema.get("type") == kind or (kind == "number" and schema.get("type") == "integer") else set()
    for word in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(word, []):
            found |= places(document, part, kind, at, depth)
    for name, part in schema.get("properties", {}).items():
        found |= places(document, part, kind, (*at, name), depth - 1)
    if schema.get("type") == "array" and "items" in schema:
        found |= places(document, schema["items"], kind, (*at, 0), depth - 1)
    if schema.get("type") == "object" and schema.get("additionalProperties"):
        found.add((*at, "any name"))
    return found


def with_value(body: Any, place: Place, value: Any) -> Any:
    """Return a body with a value at a place; what leads to it is made."""
    if not place:
        return value
    head, *rest = place
    if isinstance(head, int):
        return [with_value(body[0] if isinstance(body, list) and body else None, tuple(rest), value)]
    if head == "any name":
        return {**(body if isinstance(body, dict) else {}), str(value)[:200]: value}
    inside = body.get(head) if isinstance(body, dict) else None
    return {**(body if isinstance(body, dict) else {}), head: with_value(inside, tuple(rest), value)}


def body_places(service: Service, operation: dict[str, Any], kind: str) -> tuple[Any, list[Place]]:
    """Return the smallest body of an operation, and its places."""
    document = service.app.openapi()
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None, []
    found = places(document, content["schema"], kind)
    return smallest_body(document, operation), sorted(found, key=str)


def address(path: str, operation: dict[str, Any]) -> str:
    kinds = {item["name"]: item["schema"].get("type", "string") for item in operation.get("parameters", [])}
    return NAMED.sub(lambda name: PLAIN[kinds.get(name[1], "string")], path)


def ask(service: Service, method: str, path: str, **more: Any) -> Any:
    """Ask as the owner."""
    headers = {**owner_headers(service), **more.pop("headers", {})}
    answer = service.client.request(method, path, headers=headers, **more)
    assert answer.status_code != 401 or "/auth/" in path, (method, path)
    return answer


def odd(answer: Any) -> str:
    """Say what is wrong with an answer; empty: nothing."""
    if answer.status_code >= 500 and not (answer.status_code == 503 and answer.json()["code"] != "store_unavailable"):
        return f"{answer.status_code} {answer.text[:300]}"
    if answer.status_code >= 400 and set(answer.json()) != {"code", "message", "field", "request_id", "details"}:
        return f"another shape of errors: {answer.text[:300]}"
    # JSON escapes what a terminal obeys; what only reads otherwise may stand in it.
    return "raw characters" if re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", answer.text) else ""


def test_every_text_in_every_field(attacked: Service) -> None:
    wrong, tried, texts = [], 0, list(TEXTS.items())
    for number, (method, path, operation) in enumerate(operations(attacked)):
        body, found = body_places(attacked, operation, "string")
        for name, text in texts if found else []:  # all at once
            everywhere = body
            for place in found:
                everywhere = with_value(everywhere, place, text)
            answer = ask(attacked, method, address(path, operation), json=everywhere)
            tried += 1
            wrong += [f"{method} {path}, {name}: {problem}" for problem in (odd(answer),) if problem]
        for at, place in enumerate(found):  # one after the other, so that the others let it through
            name, text = texts[(7 * number + 3 * at) % len(texts)]
            answer = ask(attacked, method, address(path, operation), json=with_value(body, place, text))
            tried += 1
            wrong += [f"{method} {path} {place}, {name}: {problem}" for problem in (odd(answer),) if problem]
    assert wrong == []
    assert tried > 1_500


def test_every_number_in_every_field(attacked: Service) -> None:
    wrong = []
    for number, (method, path, operation) in enumerate(operations(attacked)):
        body, found = body_places(attacked, operation, "number")
        for at, place in enumerate(found):
            for value in (NUMBERS[(5 * number + 3 * at) % len(NUMBERS)], NUMBERS[(number + 7 * at) % len(NUMBERS)]):
                content = json.dumps(with_value(body, place, "@number@")).replace('"@number@"', value)
                headers = {"Content-Type": "application/json"}
                answer = ask(attacked, method, address(path, operation), content=content, headers=headers)
                wrong += [f"{method} {path} {place} {value[:30]}: {problem}" for problem in (odd(answer),) if problem]
    assert wrong == []


def test_every_text_in_addresses_and_heads(attacked: Service) -> None:
    wrong, texts = [], [(name, text) for name, text in TEXTS.items() if len(text) < 1_000]
    for number, (method, path, operation) in enumerate(operations(attacked)):
        for at, parameter in enumerate(operation.get("parameters", [])):
            name, text = texts[(7 * number + 3 * at) % len(texts)]
            more: dict[str, Any] = {}
            target = address(path, operation)
            if parameter["in"] == "query":
                more["params"] = {parameter["name"]: text}
            elif parameter["in"] == "header":
                more["headers"] = {parameter["name"]: re.sub("[\r\n\x00]", " ", text).encode("utf-8").strip()}
            else:
                quoted = "".join(f"%{byte:02X}" for byte in text.encode())
                target = address(path.replace("{" + parameter["name"] + "}", quoted or "%20"), operation)
            answer = ask(attacked, method, target, **more)
            wrong += [f"{method} {path} {parameter['name']}, {name}: {p}" for p in (odd(answer),) if p]
    assert wrong == []


@pytest.mark.parametrize("name", list(BODIES))
def test_every_body_everywhere_and_quickly(attacked: Service, name: str) -> None:
    wrong, content = [], BODIES[name]
    for method, path, operation in operations(attacked):
        if "requestBody" in operation:
            began = time.process_time()
            headers = {"Content-Type": "application/json"}
            answer = ask(attacked, method, address(path, operation), content=content, headers=headers)
            took = time.process_time() - began
            wrong += [f"{method} {path}: {problem}" for problem in (odd(answer),) if problem]
            if took > 0.05 and name.startswith("deep"):
                wrong.append(f"{method} {path}: took {took:.3f} s")
            if name.startswith("deep") and answer.status_code != 422:
                wrong.append(f"{method} {path}: {answer.status_code}")
    assert wrong == []


def symbol_places(service: Service) -> list[tuple[str, str, Any, Place]]:
    """Return every place in a body where the symbol of an instrument stands."""
    found = []
    for method, path, operation in operations(service):
        body, text_places = body_places(service, operation, "string")
        places_of_symbols = [place for place in text_places if set(place) & {"symbol", "symbols"}]
        found += [(method, path, body, place) for place in places_of_symbols]
    return found


def test_a_look_alike_of_a_ticker_is_none(attacked: Service) -> None:
    """U6: what looks like AAPL and is not is refused, or stands for itself as plain ASCII; never as another's twin."""
    wrong, tried = [], 0
    for method, path, body, place in symbol_places(attacked):
        for symbol in LOOK_ALIKES:
            target = address(path, {"parameters": [{"name": "user_id", "schema": {"type": "integer"}}]})
            answer = ask(attacked, method, target, json=with_value(body, place, symbol))
            tried += 1
            # Nothing of that name is held, and the answer shows what it is made of.
            is_nothing = path == "/v1/flatten" and answer.text.isascii() and not answer.json().get("closing")
            if answer.status_code < 400 and symbol.strip() != "AAPL" and not is_nothing:
                wrong.append(f"{method} {path} {place} {symbol!a}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert tried > 200


def test_files_and_lists_after_all_that(attacked: Service) -> None:
    """What was let in comes out escaped: JSON reads, no cell is a formula, and the record of people is whole."""
    for method, path, operation in operations(attacked):
        if method == "GET" and "{" not in path:
            for end in ("", "?limit=1000") if "limit" in json.dumps(operation.get("parameters", [])) else ("",):
                answer = ask(attacked, method, path + end)
                assert not odd(answer), (path, odd(answer))
                if path.endswith(".csv"):
                    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
                    assert not [cell for cell in cells if FORMULA.match(cell)]
    assert ask(attacked, "GET", "/v1/audit/proof").json()["is_whole"] is True


@pytest.mark.parametrize("name", list(TEXTS))
def test_a_line_of_a_log_stays_one_line(name: str) -> None:
    """M10: whatever is logged, as a value, a name or a trace, is one line of plain JSON."""
    stream, text = io.StringIO(), TEXTS[name]
    log = Log(stream, process="test")
    log("asked", text=text, more={text: text}, several=[text])
    trace = (ValueError, ValueError(text), None)
    ServerLog(log).emit(logging.LogRecord("uvicorn", logging.ERROR, "x.py", 1, "%s", (text,), trace))
    lines = stream.getvalue().split("\n")
    assert len(lines) == 3 and lines[2] == ""
    assert not RAW.search("".join(lines))
    told = [json.loads(line) for line in lines[:2]]
    assert [line["event"] for line in told] == ["asked", "server"]
    assert told[0]["text"] == text[:4_000]


@pytest.mark.parametrize("word", ["A", "eyJ", "a://b:", "bearer ", "/bot1", "?token=", "://a:"])
def test_a_long_word_takes_no_time_to_log(word: str) -> None:
    """What looks for secrets in a line walks over it once, whatever begins like one."""
    began = time.process_time()
    redact(word * (40_000 // len(word)))
    assert time.process_time() - began < 1.0  # one that begins anew at every letter takes a minute


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("postgresql+psycopg://u:p@ss@h/x failed", "postgresql+psycopg://u:***@h/x failed"),
        ("GET https://api.example/bot123:abc-d/send", "GET https://api.example/bot***/send"),
        ("Bearer  abc.def", "Bearer  ***"),
        ("token=eyJab.cd.ef, xeyJab.cd.ef", "token=***, ***"),
        ("https://h/?a=1&token=zz&b=2", "https://h/?a=1&token=***&b=2"),
    ],
)
def test_secrets_are_known_by_their_looks(said: str, told: str) -> None:
    assert redact(said) == told
