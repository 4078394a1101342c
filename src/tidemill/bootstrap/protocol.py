"""HTTP/1.1 as uvicorn speaks it, with a limit on how long a caller may take to say what it wants."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["PatientProtocol"]


class PatientProtocol(H11Protocol):
    """Closes connections that do not finish the head of a request in time: a thousand slow ones hold nothing."""

    head_s = 10.0  # for the head of a request, from its first byte, or from the connection's beginning
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._heard()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Do as usual, then wait if half a head has arrived."""
        super().handle_events()
        if self.conn.their_state is h11.IDLE:
            if self._deadline is None and self.timeout_keep_alive_task is None:
                self._wait()
        else:
            self._heard()

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
