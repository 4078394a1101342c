"""Saved strategies: a shipped or custom one with parameters under a name of one's own, shared or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import USER_STRATEGIES
from tidemill.model.people import Principal, UserScope
from tidemill.ports.seams import Clock
from tidemill.services.fleet.naming import find_name, plain_name
from tidemill.services.fleet.strategies import CUSTOM_TYPE, Strategies
from tidemill.services.library.shelf import Shelf, said

__all__ = ["Saved", "SavedStrategies", "SavedWish"]

_TABLE = USER_STRATEGIES


@dataclass(frozen=True, slots=True)
class SavedWish:
    """What somebody says of a strategy to keep; None: as it is, or the default.

    Args:
        name, description: for people. strategy_type: name of a shipped strategy, or ``custom``.
        config: ``parameters`` of it (or the parameters themselves); ``customStrategyId`` of a custom one.
        results: of a backtest. is_active, is_public: whether it is in use, whether others see it.
    """

    name: str | None = None
    description: str | None = None
    strategy_type: str | None = None
    config: Mapping[str, Any] | None = None
    results: Mapping[str, Any] | None = None
    is_active: bool | None = None
    is_public: bool | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """A strategy as it is kept; fields as of the wish."""

    number: int
    user_id: int
    name: str
    description: str
    strategy_type: str
    config: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] | None = None
    is_active: bool = True
    is_public: bool = False
    created_ns: int = 0
    updated_ns: int = 0


def _saved_of(row: Row) -> Saved:
    return Saved(
        row["id"],
        row["user_id"],
        row["name"],
        row["description"],
        row["strategy_type"],
        json.loads(row["config_json"] or "{}"),
        json.loads(row["backtest_results_json"] or "null"),
        bool(row["is_active"]),
        bool(row["is_public"]),
        row["created_ns"],
        row["updated_ns"],
    )


class SavedStrategies:
    """Saved strategies of everybody; each call sees those of one, and public ones where it says so.

    Args:
        database, clock: of the installation. strategies: what their types and parameters mean.
    """

    def __init__(self, database: Database, clock: Clock, strategies: Strategies) -> None:
        self._clock, self._strategies = clock, strategies
        self._shelf = Shelf(database, _TABLE, "strategy", "strategies", 1_000, _saved_of)

    def create(self, principal: Principal, wish: SavedWish) -> Saved:
        """Keep a strategy.

        Raises:
            UnknownName, ConfigError: type or parameters cannot be used. Refused: the name is taken, or the tier.
        """
        now = self._clock.now_ns()
        made = Saved(
            0,
            principal.user_id,
            wish.name or "",
            wish.description or "",
            wish.strategy_type or "",
            dict(wish.config or {}),
            wish.results,
            wish.is_active is not False,
            bool(wish.is_public),
            now,
            now,
        )
        self._shelf.check_room(principal.scope)
        made = self._checked(principal, made)
        number = self._shelf.add(principal.scope, made.name, {**_columns(made), "created_ns": now})
        return replace(made, number=number)

    def change(self, principal: Principal, number: int, wish: SavedWish) -> Saved:
        """Change one's own strategy; runs keep what they began with. Raises as ``create``."""
        old = self.get(principal.scope, number, is_own=True)
        made = self._checked(principal, replace(old, **said(wish), updated_ns=self._clock.now_ns()))
        self._shelf.change(principal.scope, number, made.name, _columns(made))
        return made

    def _checked(self, principal: Principal, made: Saved) -> Saved:
        """Return a strategy whose type and parameters can be used, its type by its installed name."""
        if plain_name(made.strategy_type) == CUSTOM_TYPE:
            self._strategies.of_config(principal.scope, CUSTOM_TYPE, made.config, made.name)
            return replace(made, strategy_type=CUSTOM_TYPE)
        name = find_name(made.strategy_type)
        self._strategies.of_config(principal.scope, name, made.config, made.name)
        return replace(made, strategy_type=name)

    def get(self, scope: UserScope, number: int, *, is_own: bool = False) -> Saved:
        """Return one's own strategy, or a public one unless it has to be one's own. Raises Refused."""
        return self._shelf.get(scope, number, is_own=is_own)

    def list(self, scope: UserScope) -> Sequence[Saved]:
        """Return one's own strategies, newest first."""
        return self._shelf.mine(scope)

    def public(self, strategy_type: str, limit: int, offset: int) -> Sequence[Saved]:
        """Return what people have made public, newest first; of a type, if asked.

        Raises:
            UnknownName: there is no such type.
        """
        if not strategy_type:
            return self._shelf.public(limit, offset)
        name = CUSTOM_TYPE if plain_name(strategy_type) == CUSTOM_TYPE else find_name(strategy_type)
        return self._shelf.public(limit, offset, _TABLE.c.strategy_type == name)

    def delete(self, scope: UserScope, number: int) -> None:
        """Delete one's own strategy; what runs with it goes on. Raises Refused."""
        self._shelf.delete(scope, number)


def _columns(made: Saved) -> dict[str, Any]:
    return {
        "name": made.name,
        "description": made.description,
        "strategy_type": made.strategy_type,
        "config_json": json.dumps(dict(made.config), sort_keys=True, allow_nan=False),
        "backtest_results_json": json.dumps(made.results, allow_nan=False) if made.results is not None else "",
        "is_active": int(made.is_active),
        "is_public": int(made.is_public),
        "updated_ns": made.updated_ns,
    }
