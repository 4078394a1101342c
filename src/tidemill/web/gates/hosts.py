"""Which names this installation answers to; a page elsewhere that points its own name here is turned away."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tidemill.web.errors import ApiError, answer_of

__all__ = ["Hosts"]

_OWN = ("127.0.0.1", "localhost", "[::1]")
_POLICY_VIOLATION = 1008  # RFC 6455 7.4.1; before the handshake it is answered as 403


class Hosts:
    """Lets through requests to known hosts, and WebSockets from pages of known hosts.

    Args:
        app: behind. allowed: names beside this machine's own. origins: pages elsewhere that may open WebSockets.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str], origins: Iterable[str]) -> None:
        self._app = app
        self._allowed, self._origins = {*_OWN, *allowed}, set(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        headers = Headers(scope=scope) if scope["type"] in {"http", "websocket"} else None
        if headers is not None:
            is_known = _name_of(headers.get("host", "")) in self._allowed and len(headers.getlist("host")) == 1
            if scope["type"] == "websocket":
                if not is_known or not self._may_open(headers):
                    await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "unknown host"})
                    return
            elif not is_known:
                sentence = "This installation does not go by that name; add it to allowed_hosts, or use localhost."
                error = ApiError(400, "unknown_host", sentence)
                await answer_of(error, scope["state"]["request_id"])(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _may_open(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return True
        return origin.partition("://")[2] == headers.get("host")


def _name_of(host: str) -> str:
    """Return a host without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()
