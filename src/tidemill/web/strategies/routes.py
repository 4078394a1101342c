"""Kept strategies: made, looked at, changed, shared."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `OwnScope`

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.custom_strategies.routes import create_custom
from tidemill.web.once import OnceRoute
from tidemill.web.parts import parts_of
from tidemill.web.sessions.routes import OwnScope
from tidemill.web.strategies.schemas import SavedChangeIn, SavedIn, SavedListOut, SavedOut

__all__ = ["router"]

router = APIRouter(route_class=OnceRoute)

_Number = Annotated[int, Path(ge=1, lt=1 << 63)]
_Limit = Annotated[int, Query(ge=1, le=1_000)]
_Offset = Annotated[int, Query(ge=0, le=1_000_000)]

router.post("/custom", status_code=201, **rule(Role.TRADER, "self", errors=(409,)))(create_custom)


@router.get("/public", **rule(Role.VIEWER, "nothing"))
def list_public(request: Request, scope: Scope, limit: _Limit = 100, offset: _Offset = 0) -> SavedListOut:
    """Return strategies people have made public, newest first."""
    found = parts_of(request).research.saved.public("", limit, offset)
    return SavedListOut(strategies=[SavedOut.of(item, scope.user_id) for item in found])


@router.get("/public/{strategy_type}", **rule(Role.VIEWER, "nothing"))
def list_public_of_type(
    request: Request,
    scope: Scope,
    strategy_type: Annotated[str, Path(min_length=1, max_length=100)],
    limit: _Limit = 100,
    offset: _Offset = 0,
) -> SavedListOut:
    """Return public strategies of a type, newest first."""
    found = parts_of(request).research.saved.public(strategy_type, limit, offset)
    return SavedListOut(strategies=[SavedOut.of(item, scope.user_id) for item in found])


@router.get("/users/{user_id}/strategies", **rule(Role.VIEWER, "row"))
def list_saved(request: Request, scope: OwnScope) -> SavedListOut:
    """Return one's own strategies, newest first."""
    found = parts_of(request).research.saved.list(scope)
    return SavedListOut(strategies=[SavedOut.of(item, scope.user_id) for item in found])


@router.post("/users/{user_id}/strategies", status_code=201, **rule(Role.TRADER, "row", errors=(409,)))
def create_saved(request: Request, scope: OwnScope, caller: Caller, body: SavedIn) -> SavedOut:
    """Keep a strategy under a name of one's own."""
    parts = parts_of(request)
    made = parts.research.saved.create(caller, body.wish())
    record(parts.database, caller, "strategy.create", str(made.number), {"name": made.name})
    return SavedOut.of(made, scope.user_id)


@router.get("/{strategy_id}", **rule(Role.VIEWER, "row"))
def get_saved(request: Request, scope: Scope, strategy_id: _Number) -> SavedOut:
    """Return a strategy, one's own or a public one."""
    return SavedOut.of(parts_of(request).research.saved.get(scope, strategy_id), scope.user_id)


@router.put("/{strategy_id}", **rule(Role.TRADER, "row", errors=(409,)))
def change_saved(request: Request, caller: Caller, strategy_id: _Number, body: SavedChangeIn) -> SavedOut:
    """Change one's own strategy; what runs with it keeps what it began with."""
    parts = parts_of(request)
    made = parts.research.saved.change(caller, strategy_id, body.wish())
    record(parts.database, caller, "strategy.change", str(strategy_id), {"name": made.name})
    return SavedOut.of(made, caller.user_id)


@router.delete("/{strategy_id}", status_code=204, **rule(Role.TRADER, "row"))
def delete_saved(request: Request, caller: Caller, strategy_id: _Number) -> Response:
    """Delete one's own strategy; what runs with it goes on."""
    parts = parts_of(request)
    parts.research.saved.delete(caller.scope, strategy_id)
    record(parts.database, caller, "strategy.delete", str(strategy_id))
    return Response(status_code=204)
