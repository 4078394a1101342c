"""Adding and changing people, and the record of what they did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tidemill.model.people import Role, Tier
from tidemill.web.auth.schemas import UserOut
from tidemill.web.times import iso_utc

__all__ = ["AuditOut", "AuditProofOut", "AuditRowOut", "UserChangeIn", "UserIn", "UsersOut"]

_STRICT = ConfigDict(extra="forbid")


class UserIn(BaseModel):
    """Somebody to be added."""

    model_config = _STRICT

    username: str = Field(min_length=3, max_length=32)
    email: str = Field(min_length=3, max_length=254)
    password: str = Field(min_length=1, max_length=128)
    role: Role = Role.TRADER
    tier: Tier = Tier.FREE


class UserChangeIn(BaseModel):
    """What is to be different about somebody."""

    model_config = _STRICT

    email: str | None = Field(default=None, min_length=3, max_length=254)
    role: Role | None = None
    tier: Tier | None = None
    is_active: bool | None = Field(default=None, description="False: they may not sign in, and are signed out.")


class UsersOut(BaseModel):
    """One page of people."""

    items: list[UserOut]
    next_cursor: int | None = Field(description="Value of `cursor` for the next page; null on the last.")


class AuditRowOut(BaseModel):
    """One thing somebody did."""

    id: int
    at: str
    user_id: int
    actor: str
    action: str
    object: str
    detail: dict[str, Any]
    address: str
    request_id: str
    hash: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> AuditRowOut:
        """Return a row as it is told."""
        try:
            detail = json.loads(row["detail_json"])
        except ValueError:  # cut at its greatest length
            detail = {"text": row["detail_json"]}
        same = {name: row[name] for name in ("id", "user_id", "actor", "action", "object", "address", "request_id")}
        return cls(**same, at=iso_utc(row["at_ns"]), detail=detail, hash=row["hash"])


class AuditProofOut(BaseModel):
    """Whether the whole record adds up."""

    is_whole: bool
    rows: int = Field(description="Rows that were looked at; 0 when they do not add up.")
    message: str = Field(description="Which row is wrong, or that none is.")


class AuditOut(BaseModel):
    """One page of what people did, newest first."""

    items: list[AuditRowOut]
    next_cursor: int | None
