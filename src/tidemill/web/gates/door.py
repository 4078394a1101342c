"""The outermost gate: every request gets a name, every answer the headers that keep browsers out of trouble.

Whatever goes wrong behind it is answered here in the one shape of errors, and then raised for the log.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidemill.ports.seams import Ids
from tidemill.web.errors import answer_of

__all__ = ["Door"]

_NAME = re.compile(r"[A-Za-z0-9_-]{8,64}")
_HEADER = "X-Request-Id"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


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
                headers = MutableHeaders(scope=message)
                headers[_HEADER] = name
                is_page = headers.get("content-type", "").startswith("text/html")
                headers.setdefault("Content-Security-Policy", _PAGE_POLICY if is_page else _DATA_POLICY)
                headers.setdefault("Cache-Control", "no-store")
                for header, value in _ALWAYS.items():
                    headers.setdefault(header, value)
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:  # the border: a defect is told in the one shape, and goes on to the server's log
            if scope["type"] == "http" and not is_begun:
                await answer_of(error, name)(scope, receive, send_named)
            raise
