"""Routes that do what they are asked once: a POST with an Idempotency-Key that comes again gets the first answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from tidemill.services.commands.keyed import Claim, Keyed
from tidemill.services.once import Stored
from tidemill.web.access import Caller
from tidemill.web.errors import errors_of
from tidemill.web.hop import OneHop
from tidemill.web.parts import parts_of
from tidemill.web.trading.once import Key

__all__ = ["REPLAY", "OnceRoute", "renew_claim"]

REPLAY = {"Idempotent-Replay": "true"}
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Replay(Exception):
    def __init__(self, stored: Stored) -> None:
        super().__init__(str(stored.status))
        self.stored = stored


def _claim(request: Request, caller: Caller, key: Key = None) -> None:
    """Take the right to do this request, or end it with the answer there is."""
    if key is None:
        return
    claim = Claim(caller.scope, key, request.state.once_route, request.state.once_digest)
    parts = parts_of(request)
    stored = Keyed(parts.database, parts.clock).claim(claim)
    if stored is not None:
        raise _Replay(stored)
    request.state.once_claim = claim


class OnceRoute(OneHop):
    """A route whose POST is done once for each key; one that has a parameter ``key`` sees to that by itself."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods = options.get("methods") or ()
        self.is_once = "POST" in methods and "key" not in signature(endpoint).parameters
        if self.is_once:
            given = list(options.get("dependencies") or ())
            if all(item.dependency is not _claim for item in given):
                given.append(Depends(_claim))
            options["dependencies"] = given
            options["responses"] = {**errors_of(409), **(options.get("responses") or {})}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> _Handler:
        """Return what serves a request: as ever without a key."""
        serve: _Handler = super().get_route_handler()
        if not self.is_once:
            return serve
        name = f"{self.endpoint.__module__.rpartition('tidemill.')[2]}.{self.endpoint.__name__}"

        async def once(request: Request) -> Response:
            if "idempotency-key" not in request.headers:
                return await serve(request)
            request.state.once_route = f"{name} {json.dumps(request.path_params, sort_keys=True)}"
            request.state.once_digest = _digest(await request.body(), request.url.query)
            request.state.once_claim = None
            try:
                answer = await serve(request)
                await run_in_threadpool(_keep, request, answer)
            except _Replay as found:
                return JSONResponse(found.stored.body, found.stored.status, headers=REPLAY)
            finally:
                await run_in_threadpool(_give_up, request)
            return answer

        return once


def renew_claim(request: Request) -> None:
    """Say that a request which takes long is still being done; without a key there is nothing to say."""
    claim, parts = getattr(request.state, "once_claim", None), parts_of(request)
    if claim is not None:
        Keyed(parts.database, parts.clock).renew(claim)


def _digest(body: bytes, query: str) -> str:
    """Return the hash of a request; JSON in another order or with other spaces is the same."""
    try:
        text = json.dumps(json.loads(body), sort_keys=True).encode() if body else b""
    except (ValueError, RecursionError):
        text = body  # refused later, for what it is
    return hashlib.sha256(text + b"?" + query.encode()).hexdigest()


def _keep(request: Request, answer: Response) -> None:
    claim, parts = request.state.once_claim, parts_of(request)
    if claim is not None:
        body = json.loads(bytes(answer.body)) if answer.body else None
        Keyed(parts.database, parts.clock).keep(claim, Stored(answer.status_code, body))
        request.state.once_claim = None


def _give_up(request: Request) -> None:
    claim, parts = request.state.once_claim, parts_of(request)
    if claim is not None:
        Keyed(parts.database, parts.clock).give_up(claim)
