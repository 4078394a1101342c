"""What is said when signing in, and what comes back."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tidemill.model.people import Tier
from tidemill.services.access.access import SignedIn
from tidemill.services.access.persons import User
from tidemill.services.access.tiers import limits_of
from tidemill.web.times import iso_utc

__all__ = ["LoginIn", "LogoutIn", "OwnerIn", "PasswordIn", "RefreshIn", "TierOut", "TokensOut", "UserOut"]

_STRICT = ConfigDict(extra="forbid")
_Text = Field(min_length=1, max_length=254)
_Password = Field(min_length=1, max_length=128)


class LoginIn(BaseModel):
    """Who signs in: by e-mail address or by user name."""

    model_config = _STRICT

    email: str | None = Field(default=None, min_length=1, max_length=254, examples=["ann@example.com"])
    username: str | None = Field(default=None, min_length=1, max_length=254)
    password: str = _Password

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.email is None) == (self.username is None):
            raise ValueError("give email or username, one of them")
        return self

    @property
    def login(self) -> str:
        """Return the name that was given."""
        return self.email or self.username or ""


class OwnerIn(BaseModel):
    """The first user, with the code that the installation printed."""

    model_config = _STRICT

    code: str = Field(min_length=1, max_length=64, examples=["7KQ2M-..."])
    username: str = Field(min_length=3, max_length=32, examples=["ann"])
    email: str = _Text
    password: str = _Password


class RefreshIn(BaseModel):
    """The refresh token of the last answer; it is good once."""

    model_config = _STRICT

    refresh_token: str = Field(min_length=1, max_length=4_096)


class LogoutIn(BaseModel):
    """Which sessions end."""

    model_config = _STRICT

    everywhere: bool = Field(default=False, description="All of them, not only this one.")


class PasswordIn(BaseModel):
    """One's own password, before and after."""

    model_config = _STRICT

    old_password: str = _Password
    new_password: str = _Password


class TierOut(BaseModel):
    """What somebody of a tier may use."""

    tier: Tier
    active_runs: int = Field(description="Runs at once, paused ones too.")
    custom_strategies: bool
    backtest_bars: int = Field(description="Most bars times symbols of one backtest.")
    backtest_queue: int

    @classmethod
    def of(cls, tier: Tier) -> TierOut:
        """Return a tier's limits as they are told."""
        limits = limits_of(tier)
        return cls(
            tier=tier,
            active_runs=limits.active_runs,
            custom_strategies=limits.custom_strategies,
            backtest_bars=limits.backtest_bars,
            backtest_queue=limits.backtest_queue,
        )


class UserOut(BaseModel):
    """Somebody who may sign in."""

    id: int
    username: str
    email: str
    roles: list[str]
    tier: Tier
    is_active: bool
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, user: User) -> UserOut:
        """Return somebody as they are told."""
        return cls(
            id=user.user_id,
            username=user.username,
            email=user.email,
            roles=user.roles,
            tier=user.tier,
            is_active=user.is_active,
            created_at=iso_utc(user.created_ns),
            updated_at=iso_utc(user.updated_ns),
        )


class TokensOut(BaseModel):
    """A pair of tokens: one to show with every request, one to trade for the next pair."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a kind, RFC 6750
    expires_in: int = Field(description="Seconds for which the access token is good.")
    refresh_token: str
    user: UserOut

    @classmethod
    def of(cls, signed_in: SignedIn) -> TokensOut:
        """Return the tokens as they are told."""
        return cls(
            access_token=signed_in.access_token,
            expires_in=signed_in.expires_in_s,
            refresh_token=signed_in.refresh_token,
            user=UserOut.of(signed_in.user),
        )
