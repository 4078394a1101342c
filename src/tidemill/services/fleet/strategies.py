"""Which strategy somebody means: a shipped one by name or number, one of their own, or their own conditions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import CUSTOM_STRATEGIES, USER_STRATEGIES, USERS
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.people import CUSTOM_STRATEGY_TIERS, Principal, Tier, UserScope
from tidemill.services.conditions import conditions_text
from tidemill.services.entries import StrategyRequest
from tidemill.services.fleet.naming import numbered, request_by_name
from tidemill.services.fleet.refusals import not_there, tier_needed

__all__ = ["CUSTOM_TYPE", "Chosen", "Strategies"]

CUSTOM_TYPE = "custom"  # of a saved strategy, and before the colon where a custom one is named: custom:12
_CONDITIONS = "conditions"  # the shipped strategy that carries a tree
_LARGEST = (1 << 63) - 1
_WRAPPERS = ("parameters", "params", "strategyParameters")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A strategy as somebody named it.

    Args:
        request: what the core runs. title: what people see.
    """

    request: StrategyRequest
    title: str


class Strategies:
    """Finds strategies for somebody.

    Args:
        database: of the installation.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_id(self, scope: UserScope, strategy_id: int | str, params: Mapping[str, Any] | None = None) -> Chosen:
        """Return a strategy by the number of one's own or a public one, by a shipped one's number, or by name.

        Raises:
            UnknownName: there is none; the nearest are offered. ConfigError: a parameter does not fit.
        """
        text = str(strategy_id).strip()
        kind, _, number = text.lower().partition(":")
        if kind == CUSTOM_TYPE and number.isascii() and number.isdigit():
            return self._custom(scope, int(number[:20]))
        if not text.isascii() or not text.isdigit():
            return self.by_name(text, params)
        found = int(text[:20])
        row = self._own(scope, found) if found <= _LARGEST else None
        if row is None:
            name = numbered(found)
            return Chosen(request_by_name(name, params), name)
        return self.of_config(scope, row["strategy_type"], json.loads(row["config_json"] or "{}"), row["name"], params)

    def of_config(
        self,
        scope: UserScope,
        strategy_type: str,
        config: Mapping[str, Any],
        title: str,
        params: Mapping[str, Any] | None = None,
    ) -> Chosen:
        """Return what a saved strategy means.

        Args:
            strategy_type: name of a shipped one, or ``custom``. config: its parameters, by themselves or under
                ``parameters``; ``customStrategyId`` of a custom one.
            params: go over those.

        Raises:
            Refused: the tier has no custom strategies, or there is none of that number. UnknownName, ConfigError:
                of type or parameters.
        """
        if strategy_type == CUSTOM_TYPE:
            number = config.get("customStrategyId", config.get("custom_strategy_id"))
            if isinstance(number, bool) or not isinstance(number, int):
                raise ConfigError('The config of a custom strategy names it: {"customStrategyId": 12}.')
            return Chosen(self._custom(scope, number).request, title)
        wrapped = [config[name] for name in _WRAPPERS if isinstance(config.get(name), dict)]
        return self.by_name(strategy_type, {**(wrapped[0] if wrapped else config), **(params or {})}, title)

    def _own(self, scope: UserScope, number: int) -> Mapping[str, Any] | None:
        table = USER_STRATEGIES
        row = self._database.row(
            select(table).where(table.c.id == number, or_(table.c.user_id == scope.user_id, table.c.is_public == 1))
        )
        return dict(row) if row is not None else None

    def custom(self, principal: Principal, number: int) -> Chosen:
        """Return a strategy of conditions, one's own or a public one.

        Raises:
            Refused: the tier has no custom strategies, or there is none of that number.
        """
        return self._custom(principal.scope, number)

    def inline(self, principal: Principal, document: Mapping[str, Any], title: str) -> Chosen:
        """Return a strategy of conditions that are not kept.

        Raises:
            Refused: the tier has no custom strategies. ConfigError: the conditions cannot be used.
        """
        self._check_tier(principal.scope)
        return Chosen(StrategyRequest(_CONDITIONS, {"tree": conditions_text(dict(document))}), title)

    def _check_tier(self, scope: UserScope) -> None:
        row = self._database.row(select(USERS.c.tier).where(USERS.c.id == scope.user_id))
        tier = Tier(row["tier"]) if row is not None else Tier.FREE
        if tier not in CUSTOM_STRATEGY_TIERS:
            raise tier_needed("A custom strategy", CUSTOM_STRATEGY_TIERS, tier)

    def _custom(self, scope: UserScope, number: int) -> Chosen:
        self._check_tier(scope)
        table = CUSTOM_STRATEGIES
        row = None
        if 0 < number <= _LARGEST:
            row = self._database.row(
                select(table).where(
                    table.c.id == number,
                    or_(table.c.user_id == scope.user_id, table.c.is_public == 1),
                    table.c.is_active == 1,
                )
            )
        if row is None:
            raise not_there("custom strategy", number)
        tree = {
            "buy_conditions": json.loads(row["buy_conditions_json"]),
            "sell_conditions": json.loads(row["sell_conditions_json"]),
        }
        return Chosen(StrategyRequest(_CONDITIONS, {"tree": json.dumps(tree)}), row["name"])

    def by_name(self, name: str, params: Mapping[str, Any] | None = None, title: str = "") -> Chosen:
        """Return an installed strategy by any source's name for it; errors as of ``by_id``.

        Raises:
            ConfigError: it carries conditions, which have a way of their own: a tier may not have them.
        """
        if not name.strip():
            raise UnknownName("strategy", name, [])
        request = request_by_name(name, params)
        if request.strategy == _CONDITIONS:
            raise ConfigError("Conditions are traded as a custom strategy (POST /v1/custom-strategies), by its number.")
        return Chosen(request, title or name)
