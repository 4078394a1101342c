"""How much a request may say, how deep and how slowly: told from the bytes, before anything parses them."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidemill.web.errors import ApiError, answer_of
from tidemill.web.gates.strict import refuse_odd_json

__all__ = ["Bodies"]

_MOST_BYTES = 256 * 1024
_SLOWEST_S = 15.0
_URL_BYTES = 4 * 1024


class Bodies:
    """Reads the whole body of a request within its limits, and hands it on in one piece.

    Args:
        app: behind. large: paths whose bodies may be larger, in bytes.
        slowest_s: seconds a body may take.
    """

    def __init__(self, app: ASGIApp, large: dict[str, int] | None = None, slowest_s: float = _SLOWEST_S) -> None:
        self._app, self._large, self._slowest_s = app, large or {}, slowest_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except ApiError as error:
            await answer_of(error, scope["state"]["request_id"])(scope, receive, send)
            return
        if body is None:
            return
        told = False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; None when the caller went away."""
        _refuse_odd_address(scope.get("raw_path") or b"", scope["path"], scope["query_string"])
        most = self._large.get(scope["path"], _MOST_BYTES)
        headers = Headers(scope=scope)
        _refuse_long(headers.get("content-length"), most)
        whole = bytearray()
        try:
            async with asyncio.timeout(self._slowest_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    whole += message.get("body", b"")
                    if len(whole) > most:
                        raise _too_large(most)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            sentence = f"The body did not arrive within {self._slowest_s:g} s; try again."
            raise ApiError(408, "too_slow", sentence) from None
        body = bytes(whole)
        if body and "multipart/" not in headers.get("content-type", ""):
            refuse_odd_json(body)
        return body


def _refuse_odd_address(raw: bytes, path: str, query: bytes) -> None:
    if len(raw) + len(query) > _URL_BYTES:
        raise ApiError(414, "url_too_long", "That address is too long; send what it says in the body.")
    is_odd = "\x00" in path or b"%00" in query or b"\x00" in query
    if is_odd or any("\ud800" <= char < "\ue000" for char in path):
        raise ApiError(400, "odd_address", "That address holds characters that cannot be stored.")


def _refuse_long(told: str | None, most: int) -> None:
    if told is not None and (not told.isdigit() or len(told) > 12 or int(told) > most):
        raise _too_large(most)


def _too_large(most: int) -> ApiError:
    headers = {"Connection": "close"}  # what is still on its way is not read
    return ApiError(413, "too_large", f"The body is larger than {most // 1024} KiB; send less.", headers=headers)
