"""The parts of the app that serves a request."""

from __future__ import annotations

from typing import cast

from fastapi.requests import HTTPConnection

from tidemill.bootstrap.parts import Parts

__all__ = ["Parts", "parts_of"]


def parts_of(request: HTTPConnection) -> Parts:
    """Return the parts of the app that serves a request."""
    return cast("Parts", request.app.state.parts)
