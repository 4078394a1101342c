"""HTTP/1.1 as uvicorn speaks it, with a limit on how long a head may be and how long a caller may take to say it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["PatientProtocol"]


class _TooLong(Exception):
    """A head that arrived whole is longer than any of ours; the parser turns it into a bad request."""


class PatientProtocol(HttpToolsProtocol):
    """Closes connections that do not finish the head of a request in time: a thousand slow ones hold nothing."""

    head_s = 10.0  # for the head of a request, from its first byte, or from the connection's beginning
    head_bytes = 16 * 1024
    _deadline: asyncio.TimerHandle | None = None
    _is_begun = False  # a head has begun and has not ended
    _taken = 0  # bytes since the request before

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._heard()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Do as usual, then wait if half a head has arrived; refuse one that has no end."""
        self._taken += len(data)
        super().data_received(data)
        if not self._is_begun or self.transport.is_closing():
            return
        if self._taken > self.head_bytes:
            self.send_400_response("The head of the request is too long.")
        elif self._deadline is None:
            self._wait()

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self._is_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that a head has ended, in time. Raises _TooLong."""
        self._is_begun = False
        self._heard()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self.head_bytes:
            raise _TooLong
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count the bytes of the next head from here on."""
        self._taken = 0
        super().on_message_complete()

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self.head_s, self._too_late)

    def _heard(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        transport: Any = self.transport
        if not transport.is_closing():
            transport.close()
