"""Counts requests and how long they took, under the template of their route: nobody's path becomes a label."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidemill.services.monitoring.figures import Figures
from tidemill.web.paths import template_of

__all__ = ["Measured"]

_NOBODYS = "unmatched"
_DEFECT = 500


class Measured:
    """Measures requests.

    Args:
        app: behind. figures: take what was measured.
    """

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), _DEFECT

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            self._figures.answered(template_of(scope) or _NOBODYS, scope["method"], status, time.perf_counter() - began)
