"""Signing in and out: ``/v1/auth``."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tidemill.model.people import Role, Tier
from tidemill.services.access.persons import NewUser, nobody
from tidemill.web.access import Caller, address_of, rule
from tidemill.web.auth.schemas import (
    LoginIn,
    LogoutIn,
    OwnerIn,
    PasswordIn,
    RefreshIn,
    TierOut,
    TokensOut,
    UserOut,
)
from tidemill.web.errors import request_id_of
from tidemill.web.parts import parts_of

__all__ = ["router"]

router = APIRouter()
_RARE = 30  # a minute from one address


@router.post("/register-owner", status_code=201, **rule(None, "nothing", errors=(403, 409), per_minute=_RARE))
def register_owner(request: Request, body: OwnerIn) -> TokensOut:
    """Become the owner of a fresh installation, with the code it printed."""
    new = NewUser(body.username, body.email, body.password)
    return TokensOut.of(parts_of(request).access.register_owner(body.code, new, address=address_of(request)))


@router.post("/login", **rule(None, "nothing", errors=(401,), per_minute=_RARE))
def login(request: Request, body: LoginIn) -> TokensOut:
    """Sign in by e-mail address or user name."""
    access, name = parts_of(request).access, request_id_of(request)
    return TokensOut.of(access.sign_in(body.login, body.password, address=address_of(request), request_id=name))


@router.post("/refresh", **rule(None, "nothing", errors=(401,), per_minute=_RARE))
def refresh(request: Request, body: RefreshIn) -> TokensOut:
    """Trade a refresh token for the next pair; showing one twice ends the session."""
    return TokensOut.of(parts_of(request).access.refresh(body.refresh_token))


@router.post("/logout", status_code=204, **rule(Role.VIEWER, "self"))
def logout(request: Request, caller: Caller, body: LogoutIn | None = None) -> None:
    """End this session, or all of one's own."""
    everywhere = body is not None and body.everywhere
    parts_of(request).access.sign_out(caller, everywhere=everywhere, address=address_of(request))


@router.post("/password", **rule(Role.VIEWER, "self", per_minute=_RARE))
def change_password(request: Request, caller: Caller, body: PasswordIn) -> TokensOut:
    """Change one's own password; every other session ends."""
    access, address = parts_of(request).access, address_of(request)
    return TokensOut.of(access.change_password(caller, body.old_password, body.new_password, address=address))


@router.get("/me", **rule(Role.VIEWER, "self"))
def me(request: Request, caller: Caller) -> UserOut:
    """Return who one is."""
    user = parts_of(request).access.users.find(caller.user_id)
    if user is None:
        raise nobody()
    return UserOut.of(user)


@router.get("/tiers", **rule(Role.VIEWER, "nothing"))
def tiers() -> list[TierOut]:
    """Return what each tier may use."""
    return [TierOut.of(tier) for tier in Tier]
