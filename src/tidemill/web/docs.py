"""The description of the API as two pages, Swagger UI and ReDoc, which ask nothing of any other host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

__all__ = ["mount_docs"]

_FILES = Path(__file__).parent / "static" / "docs"


def mount_docs(app: FastAPI) -> None:
    """Serve ``/docs``, ``/redoc`` and the files they need."""
    for path, page in (("/docs", "swagger.html"), ("/redoc", "redoc.html")):
        app.add_api_route(path, _sender(page), include_in_schema=False, response_class=FileResponse)
    app.mount("/docs/files", StaticFiles(directory=_FILES), name="docs")


def _sender(page: str) -> Callable[[], FileResponse]:
    def send() -> FileResponse:
        return FileResponse(_FILES / page, media_type="text/html")

    return send
