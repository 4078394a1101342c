"""What the source asks of TradeStation. There is no adapter for it yet, and nothing pretends otherwise."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tidemill.model.people import Role
from tidemill.web.access import rule
from tidemill.web.errors import ApiError
from tidemill.web.wishes import CAMEL_OUT, STRICT

__all__ = ["router"]

router = APIRouter()

_SENTENCE = "There is no TradeStation adapter yet; agents trade on paper accounts of their own."


class CallbackIn(BaseModel):
    """The code a broker's sign-in page hands out."""

    model_config = STRICT

    code: str = Field(min_length=1, max_length=4_000)
    state: str | None = Field(default=None, max_length=1_000)


class AuthStatusOut(BaseModel):
    """Whether the broker knows us."""

    model_config = CAMEL_OUT

    authenticated: bool
    account_id: str | None
    expires_in: int
    message: str


@router.get("/auth/url", **rule(Role.VIEWER, "nothing", errors=(409,)))
def auth_url() -> AuthStatusOut:
    """Answer 409: no broker can be signed in to yet."""
    raise _none()


@router.post("/auth/callback", **rule(Role.TRADER, "nothing", errors=(409,)))
def auth_callback(body: CallbackIn) -> AuthStatusOut:
    """Answer 409: no broker can be signed in to yet; the code is kept nowhere."""
    del body
    raise _none()


@router.get("/auth/status", **rule(Role.VIEWER, "nothing"))
def auth_status() -> AuthStatusOut:
    """Return that nobody is signed in to a broker."""
    return AuthStatusOut(authenticated=False, account_id=None, expires_in=0, message=_SENTENCE)


def _none() -> ApiError:
    return ApiError(409, "no_adapter", _SENTENCE)
