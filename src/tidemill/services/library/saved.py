"""Saved strategies: a shipped or custom one with parameters under a name of one's own, shared or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import USER_STRATEGIES
from tidemill.model.errors import AlreadyThere
from tidemill.model.people import Principal, UserScope
from tidemill.ports.seams import Clock
from tidemill.services.fleet.naming import find_name, plain_name
from tidemill.services.fleet.refusals import not_there
from tidemill.services.fleet.strategies import CUSTOM_TYPE, Strategies
from tidemill.services.refusals import Kind, Refused

__all__ = ["Saved", "SavedStrategies", "SavedWish"]

_TABLE = USER_STRATEGIES
_MOST = 1_000


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
        self._database, self._clock, self._strategies = database, clock, strategies

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
        if len(self.list(principal.scope)) >= _MOST:
            raise Refused(Kind.CONFLICT, "too_many", f"{_MOST} strategies are the most one keeps; delete one first.")
        made = self._checked(principal, made)
        values = {**_columns(made), "user_id": made.user_id, "created_ns": now}
        return replace(made, number=self._write(made.name, insert(_TABLE).values(values)))

    def change(self, principal: Principal, number: int, wish: SavedWish) -> Saved:
        """Change one's own strategy; runs keep what they began with. Raises as ``create``."""
        old = self.get(principal.scope, number, is_own=True)
        given: dict[str, Any] = {
            "name": wish.name,
            "description": wish.description,
            "strategy_type": wish.strategy_type,
            "config": wish.config,
            "results": wish.results,
            "is_active": wish.is_active,
            "is_public": wish.is_public,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        made = self._checked(principal, replace(old, **changes, updated_ns=self._clock.now_ns()))
        mine = update(_TABLE).where(_TABLE.c.id == number, _TABLE.c.user_id == principal.user_id)
        self._write(made.name, mine.values(_columns(made)))
        return made

    def _checked(self, principal: Principal, made: Saved) -> Saved:
        """Return a strategy whose type and parameters can be used, its type by its installed name."""
        if plain_name(made.strategy_type) == CUSTOM_TYPE:
            self._strategies.of_config(principal.scope, CUSTOM_TYPE, made.config, made.name)
            return replace(made, strategy_type=CUSTOM_TYPE)
        name = find_name(made.strategy_type)
        self._strategies.of_config(principal.scope, name, made.config, made.name)
        return replace(made, strategy_type=name)

    def _write(self, name: str, statement: Any) -> int:
        try:
            with self._database.write() as writing:
                return writing.insert(statement) if statement.is_insert else writing.run(statement)
        except AlreadyThere:
            sentence = f"You have a strategy named {name[:80]!r} already; choose another name."
            raise Refused(Kind.CONFLICT, "name_taken", sentence, field="body.name") from None

    def get(self, scope: UserScope, number: int, *, is_own: bool = False) -> Saved:
        """Return one's own strategy, or a public one unless it has to be one's own. Raises Refused."""
        mine = _TABLE.c.user_id == scope.user_id
        who = mine if is_own else or_(mine, (_TABLE.c.is_public == 1) & (_TABLE.c.is_active == 1))
        row = self._database.row(select(_TABLE).where(_TABLE.c.id == number, who))
        if row is None:
            raise not_there("strategy", number)
        return _saved_of(row)

    def list(self, scope: UserScope) -> Sequence[Saved]:
        """Return one's own strategies, newest first."""
        mine = select(_TABLE).where(_TABLE.c.user_id == scope.user_id)
        rows = self._database.rows(mine.order_by(_TABLE.c.created_ns.desc(), _TABLE.c.id.desc()).limit(_MOST))
        return [_saved_of(row) for row in rows]

    def public(self, strategy_type: str, limit: int, offset: int) -> Sequence[Saved]:
        """Return what people have made public, newest first; of a type, if asked.

        Raises:
            UnknownName: there is no such type.
        """
        shared = select(_TABLE).where(_TABLE.c.is_public == 1, _TABLE.c.is_active == 1)
        if strategy_type:
            is_custom = plain_name(strategy_type) == CUSTOM_TYPE
            shared = shared.where(_TABLE.c.strategy_type == (CUSTOM_TYPE if is_custom else find_name(strategy_type)))
        newest = shared.order_by(_TABLE.c.updated_ns.desc(), _TABLE.c.id.desc())
        return [_saved_of(row) for row in self._database.rows(newest.limit(limit).offset(offset))]

    def delete(self, scope: UserScope, number: int) -> None:
        """Delete one's own strategy; what runs with it goes on. Raises Refused."""
        with self._database.write() as writing:
            gone = writing.run(delete(_TABLE).where(_TABLE.c.id == number, _TABLE.c.user_id == scope.user_id))
        if not gone:
            raise not_there("strategy", number)


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
