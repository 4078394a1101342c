"""Forged, foreign, early, late and ended tokens: none opens the door, and all are told the same."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from installation import Service

KEY = b"k" * 32  # of the installation under test
NOW = int(time.time())
RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def claims(service: Service, **changed: Any) -> dict[str, Any]:
    """Return the claims of a good token, some of them changed; None takes one away."""
    good = jwt.decode(service.tokens["trader"], options={"verify_signature": False})
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def signed(payload: dict[str, Any], key: Any = KEY, algorithm: str = "HS256", **headers: Any) -> str:
    """Sign whatever it is: the library that makes good tokens is too polite for these."""
    return jwt.PyJWS().encode(json.dumps(payload).encode(), key, algorithm=algorithm, headers=headers or None)


def by_hand(header: Any, payload: Any, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def status(service: Service, token: str) -> int:
    answer = service.client.get("/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert set(answer.json()) == {"code", "message", "field", "request_id", "details"}
        assert token not in answer.text
    return answer.status_code


def test_the_claims_are_those_of_the_contract_and_a_good_copy_passes(shared_service: Service) -> None:
    found = claims(shared_service)
    assert {"sub", "username", "roles", "iat", "exp", "nbf", "aud", "iss", "jti", "typ"} <= set(found)
    assert found["aud"] == found["iss"] == "ai-trading-agent"
    assert found["roles"] == ["viewer", "trader"]
    assert status(shared_service, signed(found)) == 200


def _away(value: Any) -> str:
    """Return a value's name; a time by its distance from now."""
    near = isinstance(value, int) and not isinstance(value, bool) and abs(value - NOW) < 10_000
    return f"now{value - NOW:+d}" if near else str(value)


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in ("sub", "iat", "exp", "nbf", "aud", "iss", "jti", "typ", "sid", "ver")),
        {"exp": NOW - 3_600},
        {"exp": NOW - 11},
        {"nbf": NOW + 3_600},
        {"iat": NOW + 3_600},
        {"exp": 1e308},
        {"exp": "9999999999"},
        {"exp": True},
        {"nbf": [0]},
        {"iss": "somebody-else"},
        {"iss": ["ai-trading-agent"]},
        {"aud": "somebody-else"},
        {"aud": []},
        {"typ": "refresh"},
        {"typ": "Access"},
        {"sub": "1 OR 1=1"},
        {"sub": "-1"},
        {"sub": "999999"},
        {"sub": "9" * 40},
        {"sub": "٣"},
        {"sub": 3},
        {"ver": 99},
        {"ver": True},
        {"ver": "1"},
        {"sid": "0" * 32},
        {"sid": {"$ne": ""}},
        {"jti": ""},
        {"max_role": "god"},
    ],
    # Workers collect at different seconds: names may not hold the time.
    ids=lambda change: ",".join(f"{name}~{_away(value)}" for name, value in change.items()),
)
def test_a_signed_token_with_other_claims_is_refused(shared_service: Service, change: dict[str, Any]) -> None:
    assert status(shared_service, signed(claims(shared_service, **change))) == 401


def _changed(service: Service) -> str:
    head, _, mac = service.tokens["trader"].split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(service, sub="1")).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{mac}"


def _list_payload() -> str:
    return jwt.PyJWS().encode(b"[1,2]", KEY, algorithm="HS256")


FORGED: dict[str, Callable[[Service], str]] = {
    "alg none": lambda service: by_hand({"alg": "none", "typ": "JWT"}, claims(service)),
    "alg None": lambda service: by_hand({"alg": "None", "typ": "JWT"}, claims(service)),
    "alg nOnE, signed": lambda service: by_hand({"alg": "nOnE", "typ": "JWT"}, claims(service), b"x" * 32),
    "no alg": lambda service: by_hand({"typ": "JWT"}, claims(service)),
    "another secret": lambda service: signed(claims(service), b"x" * 32),
    "an empty secret": lambda service: by_hand({"alg": "HS256", "typ": "JWT"}, claims(service), b""),
    "HS384": lambda service: signed(claims(service), KEY * 2, "HS384"),
    "HS512": lambda service: signed(claims(service), KEY * 2, "HS512"),
    "RS256": lambda service: signed(claims(service), RSA_KEY, "RS256"),
    "PS256": lambda service: signed(claims(service), RSA_KEY, "PS256"),
    "ES256": lambda service: signed(claims(service), EC_KEY, "ES256"),
    "RS256 with the secret's bytes": lambda service: by_hand({"alg": "RS256", "typ": "JWT"}, claims(service), KEY),
    "kid as a path": lambda service: signed(claims(service), b"\0" * 32, kid="../../../../dev/null"),
    "kid as SQL": lambda service: signed(claims(service), kid="x' UNION SELECT 'k"),
    "jku": lambda service: signed(claims(service), jku="http://127.0.0.1/keys"),
    "jwk": lambda service: signed(claims(service), jwk={"kty": "oct", "k": "eA"}),
    "x5u": lambda service: signed(claims(service), x5u="http://127.0.0.1/chain"),
    "crit": lambda service: signed(claims(service), crit=["exp"]),
    "unknown crit": lambda service: signed(claims(service), crit=["b64"], b64=False),
    "zip": lambda service: signed(claims(service), zip="DEF"),
    "typ of another kind": lambda service: signed(claims(service), typ="dpop+jwt"),
    "payload changed": _changed,
    "signature cut": lambda service: service.tokens["trader"][:-4],
    "no signature": lambda service: service.tokens["trader"].rpartition(".")[0] + ".",
    "two tokens": lambda service: service.tokens["trader"] + "." + service.tokens["trader"],
    "payload a list": lambda _: _list_payload(),
    "deep payload": lambda _: "e30." + "W1tb" * 900 + ".e30",
    "very long": lambda _: "a" * 100_000,
    "empty": lambda _: " ",
    "no token at all": lambda _: "null",
    "letters beyond ASCII": lambda _: "é.è.ê",
}


@pytest.mark.filterwarnings("ignore:The HMAC key:jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("name", list(FORGED))
def test_a_forged_token_is_refused(shared_service: Service, name: str) -> None:
    token = FORGED[name](shared_service)
    headers = {"Authorization": f"Bearer {token}".encode()}
    answer = shared_service.client.get("/v1/auth/me", headers=headers)
    assert answer.status_code in {401, 431}, answer.text
    assert answer.json()["code"] in {"bad_token", "not_signed_in"}


@pytest.mark.parametrize("where", ["query", "cookie", "basic", "body", "lower-case scheme of another kind"])
def test_a_token_is_read_from_its_header_only(shared_service: Service, where: str) -> None:
    token, client = shared_service.tokens["trader"], shared_service.client
    asked: dict[str, dict[str, Any]] = {
        "query": {"params": {"access_token": token, "token": token}},
        "cookie": {"headers": {"Cookie": f"access_token={token}; Authorization=Bearer {token}"}},
        "basic": {"headers": {"Authorization": "Basic " + base64.b64encode(f"trader:{token}".encode()).decode()}},
        "body": {"headers": {"X-Access-Token": token}},
        "lower-case scheme of another kind": {"headers": {"Authorization": f"token {token}"}},
    }
    assert client.get("/v1/auth/me", **asked[where]).status_code == 401


def test_a_refresh_token_is_no_access_token(shared_service: Service) -> None:
    body = {"username": "basic", "password": "correct horse battery"}
    pair = shared_service.post("", "/v1/auth/login", body)
    assert status(shared_service, pair["refresh_token"]) == 401
    assert status(shared_service, pair["access_token"]) == 200
    refused = shared_service.client.post("/v1/auth/refresh", json={"refresh_token": pair["access_token"]})
    assert refused.status_code == 401


def test_a_token_made_for_less_is_worth_less_and_never_more(shared_service: Service) -> None:
    from tidemill.model.people import Role

    access, owner = shared_service.parts.access, shared_service.users["owner"]
    for most, roles in ((Role.VIEWER, 403), (Role.ADMIN, 200)):
        token, _ = access.mint(owner, 60, most)
        headers = {"Authorization": f"Bearer {token}"}
        assert shared_service.client.get("/v1/users", headers=headers).status_code == roles
    token, _ = access.mint(shared_service.users["viewer"], 60, Role.OWNER)
    assert shared_service.client.get("/v1/users", headers={"Authorization": f"Bearer {token}"}).status_code == 403
