"""How the process is set and what it serves, for those who look after it: ``/v1/debug``."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tidemill.model.people import Role
from tidemill.web.access import rule
from tidemill.web.parts import parts_of
from tidemill.web.system.schemas import ConfigOut, RouteOut, SettingOut

__all__ = ["router"]

router = APIRouter()


@router.get("/config", **rule(Role.ADMIN, "nothing"))
def show_config(request: Request) -> ConfigOut:
    """Return every setting and where it was said; secrets never."""
    loaded = parts_of(request).loaded
    rows = [SettingOut(**row) for row in loaded.shown()]
    return ConfigOut(profile=str(loaded.settings.profile), settings=rows)


@router.get("/routes", **rule(Role.ADMIN, "nothing"))
def show_routes(request: Request) -> list[RouteOut]:
    """Return every route, with the least role it needs."""
    return [
        RouteOut(path=path, methods=[method.upper()], role=operation["x-role"], owns=operation["x-owns"])
        for path, operations in sorted(request.app.openapi()["paths"].items())
        for method, operation in operations.items()
    ]
