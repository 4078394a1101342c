"""Which strategy somebody means: a shipped one by name or number, one of their own, or their own conditions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import CUSTOM_STRATEGIES, USER_STRATEGIES
from tidemill.model.errors import UnknownName
from tidemill.model.people import CUSTOM_STRATEGY_TIERS, Principal, UserScope
from tidemill.services.entries import StrategyRequest
from tidemill.services.fleet.naming import numbered, request_by_name
from tidemill.services.fleet.refusals import not_there, tier_needed

__all__ = ["Chosen", "Strategies"]

_LARGEST = (1 << 63) - 1


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
        if not text.isascii() or not text.isdigit():
            return Chosen(request_by_name(text, params), text)
        found = int(text[:20])
        row = self._own(scope, found) if found <= _LARGEST else None
        if row is None:
            name = numbered(found)
            return Chosen(request_by_name(name, params), name)
        config = json.loads(row["config_json"] or "{}")
        own = config.get("parameters", config.get("params", {})) if isinstance(config, dict) else {}
        values = {**(own if isinstance(own, dict) else {}), **(params or {})}
        return Chosen(request_by_name(row["strategy_type"], values), row["name"])

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
        if principal.tier not in CUSTOM_STRATEGY_TIERS:
            raise tier_needed("A custom strategy", CUSTOM_STRATEGY_TIERS, principal.tier)
        table = CUSTOM_STRATEGIES
        row = None
        if 0 < number <= _LARGEST:
            row = self._database.row(
                select(table).where(
                    table.c.id == number,
                    or_(table.c.user_id == principal.user_id, table.c.is_public == 1),
                    table.c.is_active == 1,
                )
            )
        if row is None:
            raise not_there("custom strategy", number)
        tree = {
            "buy_conditions": json.loads(row["buy_conditions_json"]),
            "sell_conditions": json.loads(row["sell_conditions_json"]),
        }
        return Chosen(StrategyRequest("conditions", {"tree": json.dumps(tree)}), row["name"])

    def by_name(self, name: str, params: Mapping[str, Any] | None = None) -> Chosen:
        """Return an installed strategy by any source's name for it; errors as of ``by_id``."""
        if not name.strip():
            raise UnknownName("strategy", name, [])
        return Chosen(request_by_name(name, params), name)
