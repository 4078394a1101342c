"""Custom strategies: conditions of one's own, checked before they are kept, read aloud, tried, shared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import CUSTOM_STRATEGIES
from tidemill.model.people import CUSTOM_STRATEGY_TIERS, Principal, UserScope
from tidemill.ports.seams import Clock
from tidemill.services.access.audit import record_refusal
from tidemill.services.conditions import check_conditions, try_conditions
from tidemill.services.fleet.refusals import tier_needed
from tidemill.services.library.shelf import Shelf, said
from tidemill.services.refusals import Kind, Refused

__all__ = ["Custom", "CustomStrategies", "CustomWish", "document_of_sides"]

_TABLE = CUSTOM_STRATEGIES


@dataclass(frozen=True, slots=True)
class CustomWish:
    """What somebody says of a custom strategy; None: as it is, or the default.

    Args:
        name, description, avatar: for people. buy, sell: trees of conditions, plain values.
        is_active: whether it may be used. is_public: whether others see it and may use it.
    """

    name: str | None = None
    description: str | None = None
    buy: Any = None
    sell: Any = None
    avatar: str | None = None
    is_active: bool | None = None
    is_public: bool | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom strategy as it is kept.

    Args:
        number, user_id: which, whose. name, description, avatar, is_active, is_public: as of the wish.
        buy, sell: trees. created_ns, updated_ns: UTC.
    """

    number: int
    user_id: int
    name: str
    description: str
    avatar: str
    buy: Any
    sell: Any
    is_active: bool
    is_public: bool
    created_ns: int
    updated_ns: int

    @property
    def document(self) -> dict[str, Any]:
        """Return both sides as a document of conditions."""
        return document_of_sides(self.buy, self.sell)


def document_of_sides(buy: Any, sell: Any) -> dict[str, Any]:
    """Return two trees as a document of conditions; a side that is missing is left out."""
    sides = {"buy_conditions": buy, "sell_conditions": sell}
    return {name: side for name, side in sides.items() if side is not None}


def _custom_of(row: Row) -> Custom:
    return Custom(
        row["id"],
        row["user_id"],
        row["name"],
        row["description"],
        row["avatar"],
        json.loads(row["buy_conditions_json"]),
        json.loads(row["sell_conditions_json"]),
        bool(row["is_active"]),
        bool(row["is_public"]),
        row["created_ns"],
        row["updated_ns"],
    )


def _check_tier(database: Database, principal: Principal) -> None:
    if principal.tier not in CUSTOM_STRATEGY_TIERS:
        refusal = tier_needed("A custom strategy", CUSTOM_STRATEGY_TIERS, principal.tier)
        record_refusal(database, principal, refusal.code, str(refusal))
        raise refusal


class CustomStrategies:
    """Custom strategies of everybody; each call sees those of one, and public ones where it says so.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._shelf = Shelf(database, _TABLE, "custom strategy", "custom strategies", 500, _custom_of)

    def validate(self, principal: Principal, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is wrong with conditions, or odd about them, and what they say. Raises Refused: the tier."""
        _check_tier(self._database, principal)
        return check_conditions(dict(document))

    def test(self, principal: Principal, document: Mapping[str, Any], prices: Sequence[Any]) -> dict[str, Any]:
        """Return what conditions say to given prices.

        Raises:
            Refused: the tier. ConfigError: the tree cannot be used. DataError: the prices cannot.
        """
        _check_tier(self._database, principal)
        return try_conditions(dict(document), list(prices))

    def create(self, principal: Principal, wish: CustomWish) -> Custom:
        """Keep a custom strategy.

        Raises:
            Refused: the tier, a name that is taken, too many, or conditions that cannot be used.
        """
        _check_tier(self._database, principal)
        now = self._clock.now_ns()
        made = Custom(
            0,
            principal.user_id,
            wish.name or "",
            wish.description or "",
            wish.avatar or "",
            wish.buy,
            wish.sell,
            wish.is_active is not False,
            bool(wish.is_public),
            now,
            now,
        )
        self._shelf.check_room(principal.scope)
        number = self._shelf.add(principal.scope, made.name, {**_checked(made), "created_ns": now})
        return replace(made, number=number)

    def change(self, principal: Principal, number: int, wish: CustomWish) -> Custom:
        """Change one's own custom strategy; what runs with it keeps the conditions it began with. Raises as create."""
        _check_tier(self._database, principal)
        old = self.get(principal.scope, number, is_own=True)
        made = replace(old, **said(wish), updated_ns=self._clock.now_ns())
        self._shelf.change(principal.scope, number, made.name, _checked(made))
        return made

    def get(self, scope: UserScope, number: int, *, is_own: bool = False) -> Custom:
        """Return one's own custom strategy, or a public one unless it has to be one's own. Raises Refused."""
        return self._shelf.get(scope, number, is_own=is_own)

    def list(self, scope: UserScope, *, only_active: bool = False) -> Sequence[Custom]:
        """Return one's own custom strategies, newest first."""
        return self._shelf.mine(scope, *((_TABLE.c.is_active == 1,) if only_active else ()))

    def public(self, limit: int, offset: int) -> Sequence[Custom]:
        """Return what people have made public, newest first."""
        return self._shelf.public(limit, offset)

    def delete(self, scope: UserScope, number: int) -> None:
        """Delete one's own custom strategy; what runs with it goes on. Raises Refused."""
        self._shelf.delete(scope, number)


def _checked(made: Custom) -> dict[str, Any]:
    """Return the columns of a custom strategy whose conditions can be used."""
    found = check_conditions(made.document)
    if not found["valid"]:
        first = found["errors"][0]
        sentence = f"{first['path'] or 'The conditions'}: {first['message']} {first['hint']}"
        details = {"errors": found["errors"][:50], "warnings": found["warnings"][:50]}
        raise Refused(Kind.INVALID, "bad_conditions", sentence, field=first["path"] or None, details=details)
    return {
        "name": made.name,
        "description": made.description,
        "avatar": made.avatar,
        "buy_conditions_json": json.dumps(made.buy),
        "sell_conditions_json": json.dumps(made.sell),
        "is_active": int(made.is_active),
        "is_public": int(made.is_public),
        "updated_ns": made.updated_ns,
    }
