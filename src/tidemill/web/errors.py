"""Every error of the API in one shape: a code, a sentence that says what to do, the field, the request's id."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tidemill.model.errors import (
    AlreadyThere,
    BrokerError,
    ConfigError,
    DataError,
    GuardRefusal,
    StoreError,
    TidemillError,
    UnknownName,
)
from tidemill.services.refusals import Kind, Refused

__all__ = ["ApiError", "ErrorBody", "answer_of", "errors_of", "install_errors"]

_SAID_AT_MOST = 300


class ErrorBody(BaseModel):
    """What is wrong and what to do about it."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="Stable name of the error.", examples=["no_such_agent"])
    message: str = Field(description="One sentence: what is wrong and what to do.")
    field: str | None = Field(default=None, description="Path of the field it is about.", examples=["body.quantity"])
    request_id: str = Field(description="Names this request in logs.")
    details: dict[str, Any] | None = Field(default=None, description="Facts that help a program decide.")


class ApiError(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        code: stable name, ``snake_case``.
        message: one sentence that says what is wrong and what to do.
        field: path of the field it is about.
        details: facts for programs.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field
        self.details, self.headers = details, headers


_STATUS: tuple[tuple[type[TidemillError], int, str], ...] = (
    (AlreadyThere, 409, "already_there"),
    (UnknownName, 422, "unknown_name"),
    (ConfigError, 422, "bad_settings"),
    (DataError, 422, "bad_data"),
    (BrokerError, 409, "broker_refused"),
    (StoreError, 503, "store_unavailable"),
)
_REFUSED = {
    Kind.NOT_SIGNED_IN: 401,
    Kind.NOT_ALLOWED: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.INVALID: 422,
    Kind.TOO_OFTEN: 429,
    Kind.BUSY: 503,
}
_HTTP_CODES = {
    400: "bad_request",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "wrong_method",
    413: "too_large",
    415: "wrong_type",
    429: "too_often",
}
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_UNDOCUMENTED = "Look at /docs for the paths and methods there are."


def answer_of(error: Exception, request_id: str) -> JSONResponse:
    """Return the answer to a request that failed; what is not ours to explain says only that it is a defect."""
    if isinstance(error, Refused):
        error = _api_error(error)
    if isinstance(error, ApiError):
        body = ErrorBody(
            code=error.code,
            message=error.message,
            field=error.field,
            request_id=request_id,
            details=dict(error.details) if error.details is not None else None,
        )
        return JSONResponse(body.model_dump(), error.status, headers=dict(error.headers or {}))
    status, code, message = _told(error)
    headers = error.headers if isinstance(error, HTTPException) else None  # which methods there are, with a 405
    body = ErrorBody(code=code, message=message, request_id=request_id)
    return JSONResponse(body.model_dump(), status, headers=headers)


def _api_error(error: Refused) -> ApiError:
    headers = {"Retry-After": str(math.ceil(error.wait_s))} if error.wait_s else {}
    status = _REFUSED[error.kind]
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return ApiError(status, error.code, str(error), field=error.field, details=error.details, headers=headers)


def _told(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, GuardRefusal):
        return (423 if error.code == "halted" else 422), error.code, str(error)
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            # What a database says may hold values of others; people get the sentence in front of it.
            message = "The database is busy or cannot be written; try again." if status == 503 else str(error)
            return status, code, message
    if isinstance(error, HTTPException):
        return error.status_code, _HTTP_CODES.get(error.status_code, "refused"), f"{error.detail}. {_UNDOCUMENTED}"
    return 500, "defect", "Tidemill contradicted itself; the log tells more under this request id."


def _field_of(location: tuple[int | str, ...]) -> str:
    """Return a path as people write it: ``body.legs[2].price``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _validation(error: RequestValidationError) -> ApiError:
    found = [
        {"field": _field_of(tuple(item["loc"])), "message": str(item["msg"])[:_SAID_AT_MOST]} for item in error.errors()
    ]
    first = found[0] if found else {"field": "body", "message": "cannot be read"}
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    sentence = f"{first['field']}: {first['message']}{more}; send what /docs describes."
    return ApiError(422, "invalid", sentence, field=str(first["field"]), details={"errors": found[:50]})


def request_id_of(request: Request) -> str:
    """Return the name a request got at the door."""
    return str(getattr(request.state, "request_id", "") or "unknown")


def _methods_of(request: Request) -> str:
    """Return the methods of a path: several routes may serve it, and each knows its own only (RFC 9110, 10.2.1)."""
    routes = cast("FastAPI", request.app).routes
    asked = [{"type": "http", "method": method, "path": request.scope["path"], "headers": []} for method in _METHODS]
    return ", ".join(
        str(scope["method"]) for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)
    )


def install_errors(app: FastAPI) -> None:
    """Let every error of an app take the one shape."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, RequestValidationError):
            error = _validation(error)
        if isinstance(error, HTTPException) and error.status_code == 405:
            error = HTTPException(405, error.detail, {"Allow": _methods_of(request)})
        return answer_of(error, request_id_of(request))

    for kind in (ApiError, TidemillError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)


def errors_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of errors a route may answer with: those of every route, and its own."""
    return {status: {"model": ErrorBody} for status in sorted({400, 408, 413, 414, 422, 429, 503, *statuses})}
