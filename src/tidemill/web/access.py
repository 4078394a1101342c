"""Who may call a route, how often, and whose data it touches. A route without this rule cannot be mounted."""

from __future__ import annotations

import math
from ipaddress import ip_address
from typing import Annotated, Any, Literal, cast

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tidemill.model.people import Principal, Role, UserScope
from tidemill.web.errors import ApiError, errors_of
from tidemill.web.parts import parts_of
from tidemill.web.paths import template_of
from tidemill.web.rates import Rates

__all__ = ["BEARER", "Caller", "Scope", "address_of", "caller_of", "count", "rule", "signed_in", "sits_here"]

Owns = Literal["nothing", "self", "row"]

BEARER = HTTPBearer(
    auto_error=False, bearerFormat="JWT", scheme_name="bearer", description="Access token of /v1/auth/login."
)
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_USUAL = 300  # requests a minute of one caller on one route
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def address_of(request: Request) -> str:
    """Return the network address a request came from."""
    return request.client.host if request.client is not None else ""


_Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


async def caller_of(request: Request, shown: HTTPAuthorizationCredentials | None) -> Principal:
    """Return who calls; refuse those who do not say so."""
    # One row of a local file is read sooner than a thread is found for it; a server over the network may take its time.
    if parts_of(request).database.kind == "sqlite":
        return signed_in(request, shown)
    return await run_in_threadpool(signed_in, request, shown)


def signed_in(request: Request, shown: HTTPAuthorizationCredentials | None) -> Principal:
    """Return who calls, as ``caller_of`` does, on the thread of whoever asks."""
    parts, found = parts_of(request), None
    if shown is not None:
        found = parts.access.principal_of(shown.credentials)
    elif sits_here(request) and parts.loaded.settings.loopback_without_token:
        found = parts.access.owner()
    if found is None:
        raise _not_signed_in()
    request.state.principal = found
    return found


def _not_signed_in() -> ApiError:
    sentence = "Sign in (POST /v1/auth/login) and send the access token as: Authorization: Bearer ..."
    return ApiError(401, "not_signed_in", sentence, headers=_CHALLENGE)


def sits_here(request: Request) -> bool:
    """Tell whether a request comes from a program on this machine: not through a proxy, not from a foreign page."""
    if "authorization" in request.headers or any(name in request.headers for name in _FORWARDED):
        return False
    site, origin = request.headers.get("sec-fetch-site", "none"), request.headers.get("origin")
    if site not in {"none", "same-origin"} or (origin is not None and origin != f"http://{request.headers['host']}"):
        return False
    try:
        return ip_address(address_of(request)).is_loopback
    except ValueError:
        return False


async def _caller(request: Request) -> Principal:
    """Return whom the route's rule, which is asked first, has let in."""
    found: Principal | None = getattr(request.state, "principal", None)
    if found is None:
        raise _not_signed_in()
    return found


async def _scope(request: Request) -> UserScope:
    return (await _caller(request)).scope


Caller = Annotated[Principal, Depends(_caller)]
Scope = Annotated[UserScope, Depends(_scope)]


def count(request: Request, who: str, per_minute: float) -> None:
    """Count a request of somebody on its route. Raises ApiError: it is one too many."""
    wait = cast("Rates", request.app.state.rates).wait_s(
        f"{who} {request.method} {template_of(request.scope)}", per_minute
    )
    if wait > 0.0:
        seconds = math.ceil(wait)
        sentence = f"That is more than {per_minute:g} times a minute; try again in {seconds} s."
        raise ApiError(429, "too_often", sentence, headers={"Retry-After": str(seconds)})


def _needs(role: Role, per_minute: float) -> Any:
    async def check(request: Request, shown: _Shown) -> None:
        caller = await caller_of(request, shown)
        count(request, f"user:{caller.user_id}", per_minute)
        if not caller.may(role):
            held = ", ".join(sorted(caller.roles)) or "none"
            raise ApiError(
                403,
                "not_allowed",
                f"This needs the role {role}, yours are: {held}; ask the owner of this installation.",
                details={"required": str(role)},
            )

    return Depends(check)


def _open(per_minute: float) -> Any:
    async def check(request: Request) -> None:
        count(request, f"address:{address_of(request)}", per_minute)

    return Depends(check)


def rule(
    role: Role | None,
    owns: Owns,
    *,
    errors: tuple[int, ...] = (),
    per_minute: float = _USUAL,
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a route's decorator takes beside path and answer.

    Args:
        role: least role that may call; None: anybody, signed in or not.
        owns: ``nothing``: the route touches nobody's data; ``self``: only rows of the caller, found by who they are;
            ``row``: a row named in the path or body, which is a 404 for everybody but its owner.
        errors: statuses it may answer beside the usual ones.
        per_minute: requests of one caller on this route.
        extra: more for the OpenAPI document.
    """
    usual = (401, 403) if role is not None else ()
    return {
        "dependencies": [_needs(role, per_minute) if role is not None else _open(per_minute)],
        "responses": errors_of(*usual, *errors, *((404,) if owns != "nothing" else ())),
        "openapi_extra": {"x-role": str(role) if role else "anybody", "x-owns": owns, **(extra or {})},
    }
