"""The people of an installation: ``/v1/users``, and ``/v1/audit``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from tidemill.model.errors import TapeBroken
from tidemill.model.people import Role
from tidemill.services.access.audit import recent, verify
from tidemill.services.access.persons import NewUser, UserChange, nobody
from tidemill.web.access import Caller, address_of, rule
from tidemill.web.auth.schemas import UserOut
from tidemill.web.parts import parts_of
from tidemill.web.users.schemas import AuditOut, AuditProofOut, AuditRowOut, UserChangeIn, UserIn, UsersOut

__all__ = ["audit_router", "router"]

router = APIRouter()
audit_router = APIRouter()

_Id = Annotated[int, Path(ge=1, le=(1 << 63) - 1)]
_Limit = Annotated[int, Query(ge=1, le=1_000)]
_Cursor = Annotated[int | None, Query(ge=0, le=(1 << 63) - 1)]
_ADMIN = rule(Role.ADMIN, "nothing", errors=(404, 409))


@router.get("", **rule(Role.ADMIN, "nothing"))
def list_users(request: Request, limit: _Limit = 100, cursor: _Cursor = None) -> UsersOut:
    """Return everybody, by number."""
    users = parts_of(request).access.users.page(limit, cursor or 0)
    after = users[-1].user_id if len(users) == limit else None
    return UsersOut(items=[UserOut.of(user) for user in users], next_cursor=after)


@router.post("", status_code=201, **rule(Role.ADMIN, "nothing", errors=(409,)))
def add_user(request: Request, caller: Caller, body: UserIn) -> UserOut:
    """Add somebody; roles below one's own may be given, and all of them by an owner."""
    new = NewUser(body.username, body.email, body.password, body.role, body.tier)
    return UserOut.of(parts_of(request).access.users.add(new, caller, address=address_of(request)))


@router.get("/{user_number}", **_ADMIN)
def get_user(request: Request, user_number: _Id) -> UserOut:
    """Return somebody."""
    user = parts_of(request).access.users.find(user_number)
    if user is None:
        raise nobody()
    return UserOut.of(user)


@router.patch("/{user_number}", **_ADMIN)
def change_user(request: Request, caller: Caller, user_number: _Id, body: UserChangeIn) -> UserOut:
    """Change role, tier, e-mail address, or whether they may sign in."""
    change = UserChange(body.email, body.role, body.tier, body.is_active)
    return UserOut.of(parts_of(request).access.users.change(user_number, change, caller, address=address_of(request)))


@router.delete("/{user_number}", status_code=204, **_ADMIN)
def remove_user(request: Request, caller: Caller, user_number: _Id) -> None:
    """Remove somebody; the record of their runs stays."""
    parts_of(request).access.users.remove(user_number, caller, address=address_of(request))


@audit_router.get("", **rule(Role.ADMIN, "nothing"))
def list_audit(request: Request, limit: _Limit = 100, cursor: _Cursor = None) -> AuditOut:
    """Return what people did, newest first."""
    rows = recent(parts_of(request).database, limit, cursor)
    after = int(rows[-1]["id"]) if len(rows) == limit else None
    return AuditOut(items=[AuditRowOut.of(row) for row in rows], next_cursor=after)


@audit_router.get("/proof", **rule(Role.ADMIN, "nothing", per_minute=10))
def prove_audit(request: Request) -> AuditProofOut:
    """Check every row of the record against the one before."""
    try:
        report = verify(parts_of(request).database)
    except TapeBroken as error:
        return AuditProofOut(is_whole=False, rows=0, message=str(error))
    return AuditProofOut(is_whole=True, rows=report.rows, message="Every row adds up.")
