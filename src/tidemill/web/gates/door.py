"""The outermost gate: every request gets a name, every answer the headers that keep browsers out of trouble.

Whatever goes wrong behind it is answered here in the one shape of errors, and then raised for the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidemill.ports.seams import Ids
from tidemill.web.errors import answer_of

__all__ = ["Door"]

_NAME = re.compile(r"[A-Za-z0-9_-]{8,64}")
_HEADER = "X-Request-Id"
_NAMED = b"x-request-id"
_ALWAYS = {
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_POLICY = b"content-security-policy"
_FOR_DATA = {_POLICY: b"default-src 'none'; frame-ancestors 'none'", **_ALWAYS}
_FOR_PAGES = {
    _POLICY: (
        b"default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        b"font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
        b"form-action 'self'; frame-ancestors 'none'"
    ),
    **_ALWAYS,
}


class Door:
    """Names requests, strips the slash at the end of paths, and writes headers.

    Args:
        app: behind the door. ids: where names come from.
    """

    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        self._app, self._ids = app, ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(_HEADER, "")
        name = given if _NAME.fullmatch(given) else self._ids.fresh("req-")
        scope.setdefault("state", {})["request_id"] = name
        if len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope["path"] = scope["path"].rstrip("/") or "/"
            scope["raw_path"] = scope["path"].encode()

        is_begun = False

        async def send_named(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            if message["type"] == "http.response.start":
                message["headers"] = _dressed(message.get("headers", ()), name)
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:  # the border: a defect is told in the one shape, and goes on to the server's log
            if scope["type"] == "http" and not is_begun:
                await answer_of(error, name)(scope, receive, send_named)
            raise


def _dressed(headers: Iterable[tuple[bytes, bytes]], name: str) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with its request's name, and with those of every answer that it has not itself."""
    own = [(key, value) for key, value in headers if key != _NAMED]
    known = dict(own)
    usual = _FOR_PAGES if known.get(b"content-type", b"").startswith(b"text/html") else _FOR_DATA
    return [*own, (_NAMED, name.encode()), *((key, value) for key, value in usual.items() if key not in known)]
