"""Secrets stay where they are: passwords, tokens, keys and codes are in no answer, log, record or file of others."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from installation import PASSWORD, Service, make_parts, make_service

from tidemill.adapters.sql.service_tables import AUDIT_LOG, USERS
from tidemill.model.errors import StoreError
from tidemill.services.access.audit import record
from tidemill.services.settings.loading import load_settings
from tidemill.web.app import create_app

KEYS = {
    "JWT_SECRET": "canary-jwt-0f9e8d7c6b5a49382716-1a2b3c4d",
    "DATABASE_URL": "",
    "ALPACA_API_KEY": "canary-alpaca-key-01",
    "ALPACA_API_SECRET": "canary-alpaca-secret-02",
    "TELEGRAM_BOT_TOKEN": "123456:canary-telegram-03",
    "ANTHROPIC_API_KEY": "canary-anthropic-04",
    "POLYGON_API_KEY": "canary-polygon-05",
    "TRADESTATION_API_SECRET": "canary-tradestation-06",
    "TRADOVATE_SECRET": "canary-tradovate-07",
}


def answers(service: Service) -> str:
    """Return everything an owner can be told."""
    said = []
    for path, operations in service.app.openapi()["paths"].items():
        if "get" in operations and "{" not in path:
            said.append(service.client.get(path, headers=service.headers("owner")).text)
    return "\n".join(said)


def test_keys_of_the_environment_are_told_to_nobody(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("\n".join(f"{name}={value}" for name, value in KEYS.items()), encoding="utf-8")
    for service in make_service(tmp_path):
        shown = service.get("admin", "/v1/debug/config")["settings"]
        found = {row["name"]: row["value"] for row in shown if row["is_secret"]}
        assert [found["jwt_secret"], found["alpaca_api_secret"]] == ["set", "set"]
        assert set(found.values()) == {"set", "not set"}
        assert "canary" not in answers(service)
        assert "canary" not in repr(service.parts.loaded) + repr(service.parts)
        assert "canary" not in json.dumps(load_settings(tmp_path, {}).shown())


def test_what_people_type_is_in_no_record_log_or_error(tmp_path: Path) -> None:
    canary = "Canary-3e1f-password"
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        for service in make_service(tmp_path):
            new = {"username": "somebody", "email": "some@example.com", "password": canary}
            service.post("owner", "/v1/users", new, 201)
            pair = service.post("", "/v1/auth/login", {"username": "somebody", "password": canary})
            service.post("", "/v1/auth/login", {"username": canary, "password": "x"}, 401)
            service.post("", "/v1/auth/login", {"username": "somebody", "password": canary + "!"}, 401)
            texts = [pair["access_token"], pair["refresh_token"], canary, canary.lower()]
            record(service.parts.database, None, "test", "thing", {"password": canary, "note": f"Bearer {texts[0]}"})
            kept = [str(dict(row)) for row in service.parts.database.rows(AUDIT_LOG.select())]
            kept += [str(dict(row)) for row in service.parts.database.rows(USERS.select())]
            said = "\n".join([answers(service), *kept])
            assert not [text for text in texts if text in said]
    assert not [text for text in (canary, canary.lower(), "eyJ") if text in out.getvalue() + err.getvalue()]


def test_a_defect_tells_its_request_and_nothing_else(tmp_path: Path) -> None:
    parts = make_parts(tmp_path)
    app: FastAPI = create_app(parts)
    errors: list[Exception] = [
        ValueError("canary in a defect"),
        StoreError("The database refused (canary); nothing was written."),
    ]

    @app.get("/broken/{number}")
    def broken(number: int) -> Any:
        raise errors[number]

    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        for number, status in enumerate((500, 503)):
            answer = client.get(f"/broken/{number}")
            assert answer.status_code == status and "canary" not in answer.text
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
    parts.close()


def test_the_key_that_signs_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    parts = make_parts(tmp_path)
    path = parts.home.folder / "jwt.key"
    assert path.stat().st_mode & 0o777 == 0o400
    key = path.read_text(encoding="ascii").strip()
    assert len(bytes.fromhex(key)) == 32
    again = make_parts(tmp_path)
    assert path.read_text(encoding="ascii").strip() == key
    assert PASSWORD not in key
    parts.close()
    again.close()
