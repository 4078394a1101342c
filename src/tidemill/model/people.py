"""Who may do what: people, their roles and tiers, and the scope that every query of somebody's data asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ACTIVE_RUNS", "CUSTOM_STRATEGY_TIERS", "Principal", "Role", "Tier", "UserScope"]


class Tier(StrEnum):
    """What somebody has subscribed to."""

    FREE = "FREE"
    BASIC = "BASIC"
    PREMIUM = "PREMIUM"
    ENTERPRISE = "ENTERPRISE"


class Role(StrEnum):
    """What somebody may do, from least to most; each may do what those before it may."""

    VIEWER = "viewer"
    TRADER = "trader"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """Return how much the role allows."""
        return list(Role).index(self)


ACTIVE_RUNS: dict[Tier, int] = {Tier.FREE: 1, Tier.BASIC: 5, Tier.PREMIUM: 10, Tier.ENTERPRISE: 10}  # paused ones count
CUSTOM_STRATEGY_TIERS = (Tier.PREMIUM, Tier.ENTERPRISE)


@dataclass(frozen=True, slots=True)
class UserScope:
    """Whose rows a query may see; there is no query of somebody's data without one."""

    user_id: int


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request, as the database knows them at this moment; a token only says which row to read.

    Args:
        user_id: the number everything of theirs carries.
        username: as people call them.
        roles: what they may do. tier: what they subscribed to.
        token_id, session: of the token they came with; empty: of this machine's own processes.
    """

    user_id: int
    username: str
    roles: frozenset[Role]
    tier: Tier
    token_id: str = ""
    session: str = ""

    @property
    def scope(self) -> UserScope:
        """Return whose rows they may see: their own."""
        return UserScope(self.user_id)

    def may(self, role: Role) -> bool:
        """Tell whether they may do what a role may."""
        return any(own.rank >= role.rank for own in sorted(self.roles))
