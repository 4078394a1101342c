"""Custom strategies: checked, tried, kept, shared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.services.conditions import read_conditions_aloud
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.custom_strategies.schemas import (
    CustomChangeIn,
    CustomIn,
    CustomListOut,
    CustomOut,
    DocumentIn,
    TestIn,
    TestOut,
    ValidationOut,
)
from tidemill.web.once import OnceRoute
from tidemill.web.parts import parts_of

__all__ = ["create_custom", "router"]

router = APIRouter(route_class=OnceRoute)

_Number = Annotated[int, Path(ge=1, lt=1 << 63)]
_Limit = Annotated[int, Query(ge=1, le=500)]
_Offset = Annotated[int, Query(ge=0, le=1_000_000)]
_WORK = 60  # a minute: these compute


@router.post("", status_code=201, **rule(Role.TRADER, "self", errors=(409,)))
def create_custom(request: Request, caller: Caller, body: CustomIn) -> CustomOut:
    """Keep a custom strategy; PREMIUM and ENTERPRISE only."""
    parts = parts_of(request)
    made = parts.research.custom.create(caller, body.wish())
    record(parts.database, caller, "custom_strategy.create", str(made.number), {"name": made.name})
    return CustomOut.of(made, caller.user_id)


@router.get("", **rule(Role.VIEWER, "self"))
def list_custom(request: Request, scope: Scope, *, active: bool = False) -> CustomListOut:
    """Return one's own custom strategies, newest first."""
    found = parts_of(request).research.custom.list(scope, only_active=active)
    return CustomListOut(strategies=[CustomOut.of(item, scope.user_id) for item in found])


@router.get("/public", **rule(Role.VIEWER, "nothing"))
def list_public(request: Request, scope: Scope, limit: _Limit = 100, offset: _Offset = 0) -> CustomListOut:
    """Return what people have made public, newest first."""
    found = parts_of(request).research.custom.public(limit, offset)
    return CustomListOut(strategies=[CustomOut.of(item, scope.user_id) for item in found])


@router.post("/validate", **rule(Role.VIEWER, "nothing", per_minute=_WORK))
def validate_custom(request: Request, caller: Caller, body: DocumentIn) -> ValidationOut:
    """Tell everything that is wrong with conditions or odd about them, each at its exact place, and what they say."""
    return ValidationOut.model_validate(parts_of(request).research.custom.validate(caller, body.document()))


@router.post("/test", **rule(Role.VIEWER, "nothing", per_minute=_WORK))
def test_custom(request: Request, caller: Caller, body: TestIn) -> TestOut:
    """Tell what conditions say to given prices, computed by the kernel that trades."""
    document = body.document()
    found = parts_of(request).research.custom.test(caller, document, body.prices())
    return TestOut.model_validate({**found, "reading": read_conditions_aloud(document)})


@router.get("/{custom_id}", **rule(Role.VIEWER, "row"))
def get_custom(request: Request, scope: Scope, custom_id: _Number) -> CustomOut:
    """Return a custom strategy, one's own or a public one."""
    return CustomOut.of(parts_of(request).research.custom.get(scope, custom_id), scope.user_id)


@router.put("/{custom_id}", **rule(Role.TRADER, "row", errors=(409,)))
def change_custom(request: Request, caller: Caller, custom_id: _Number, body: CustomChangeIn) -> CustomOut:
    """Change one's own custom strategy; what runs with it keeps the conditions it began with."""
    parts = parts_of(request)
    made = parts.research.custom.change(caller, custom_id, body.wish())
    record(parts.database, caller, "custom_strategy.change", str(custom_id), {"name": made.name})
    return CustomOut.of(made, caller.user_id)


@router.delete("/{custom_id}", status_code=204, **rule(Role.TRADER, "row"))
def delete_custom(request: Request, caller: Caller, custom_id: _Number) -> Response:
    """Delete one's own custom strategy; what runs with it goes on."""
    parts = parts_of(request)
    parts.research.custom.delete(caller.scope, custom_id)
    record(parts.database, caller, "custom_strategy.delete", str(custom_id))
    return Response(status_code=204)
