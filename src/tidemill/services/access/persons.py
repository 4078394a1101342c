"""Somebody who may sign in, as services see them; what a name looks like; and who may give which role."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidemill.model.people import Principal, Role, Tier
from tidemill.services.refusals import Kind, Refused

__all__ = [
    "NewUser",
    "User",
    "UserChange",
    "check_email",
    "check_username",
    "may_give",
    "nobody",
    "roles_up_to",
    "user_of",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,180}")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in.

    Args:
        user_id: number of theirs, never given to anybody else. username, email: either signs them in.
        role: highest they have. tier: what they subscribed to.
        is_active: False: known, but may not sign in.
        version: of their sessions; raising it ends all of them.
    """

    user_id: int
    username: str
    email: str
    role: Role
    tier: Tier
    is_active: bool
    version: int
    created_ns: int
    updated_ns: int

    @property
    def roles(self) -> list[str]:
        """Return every role they have, from least to most."""
        return roles_up_to(self.role)


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody to be added; names are kept in lower case."""

    username: str
    email: str
    password: str
    role: Role = Role.TRADER
    tier: Tier = Tier.FREE


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to be different about somebody; None leaves it as it is."""

    email: str | None = None
    role: Role | None = None
    tier: Tier | None = None
    is_active: bool | None = None

    def values(self) -> dict[str, Any]:
        """Return the columns that change."""
        found: dict[str, Any] = {
            "email": None if self.email is None else self.email.strip().lower(),
            "roles": None if self.role is None else str(self.role),
            "tier": None if self.tier is None else str(self.tier),
            "is_active": None if self.is_active is None else int(self.is_active),
        }
        return {name: value for name, value in found.items() if value is not None}


def roles_up_to(role: Role) -> list[str]:
    """Return a role and all it includes, from least to most."""
    return [str(item) for item in Role if item.rank <= role.rank]


def user_of(row: Mapping[Any, Any]) -> User:
    """Return somebody as the database knows them."""
    return User(
        user_id=int(row["id"]),
        username=str(row["username"]),
        email=str(row["email"]),
        role=Role(row["roles"]),
        tier=Tier(row["tier"]),
        is_active=bool(row["is_active"]),
        version=int(row["session_version"]),
        created_ns=int(row["created_ns"]),
        updated_ns=int(row["updated_ns"]),
    )


def may_give(by: Principal | None, role: Role) -> None:
    """Refuse to give a role that is not below one's own; owners give every role.

    Raises:
        Refused: the role is too high.
    """
    if by is not None and not by.may(Role.OWNER) and not any(own.rank > role.rank for own in by.roles):
        raise Refused(Kind.NOT_ALLOWED, "role_too_high", f"Only an owner gives the role {role}.", field="body.role")


def nobody() -> Refused:
    """Return the refusal for a number that is nobody's."""
    return Refused(Kind.NOT_FOUND, "no_such_user", "There is no such user.")


def check_username(username: str) -> None:
    """Refuse what is no user name. Raises Refused."""
    if not _NAME.fullmatch(username):
        sentence = "A user name has 3 to 32 of a-z, 0-9, dot, dash and underscore, a letter or digit first."
        raise Refused(Kind.INVALID, "bad_username", sentence, field="body.username")


def check_email(email: str) -> None:
    """Refuse what is no e-mail address. Raises Refused."""
    if not _EMAIL.fullmatch(email):
        sentence = "That is no e-mail address; write it as name@example.com."
        raise Refused(Kind.INVALID, "bad_email", sentence, field="body.email")
