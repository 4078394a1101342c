"""Records of performance as rows: written once, shown to whom they belong, taken away for good."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from tidemill.adapters.sql.database import Database, Row, Writing
from tidemill.adapters.sql.service_tables import STRATEGY_PERFORMANCE
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock
from tidemill.services.fleet.naming import find_name, plain_name
from tidemill.services.fleet.refusals import not_there
from tidemill.services.fleet.strategies import CUSTOM_TYPE

__all__ = ["Performance", "add_record", "columns_of", "record_values"]

_TABLE = STRATEGY_PERFORMANCE
_JSON = ("symbols", "config", "trades_data", "portfolio_history")
_TEXT = ("strategy_id", "session_id", "run_id", "job_id")
_HEAVY = ("trades_data_json", "portfolio_history_json")


def columns_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a record given as plain values."""
    values = {name: record.get(name, "") for name in _TEXT} | {"deleted_ns": 0}
    for name, value in record.items():
        values[f"{name}_json" if name in _JSON else name] = json.dumps(value) if name in _JSON else value
    return values


def add_record(writing: Writing, record: Mapping[str, Any]) -> int:
    """Write a record down and return its number.

    Raises:
        AlreadyThere: that run has one. StoreError: nothing was written.
    """
    return writing.insert(insert(_TABLE).values(columns_of(record)))


def record_values(row: Row) -> dict[str, Any]:
    """Return a row as plain values; lists that were not read are left out."""
    values = dict(row)
    for name in _JSON:
        if f"{name}_json" in values:
            values[name] = json.loads(values.pop(f"{name}_json") or "null")
    return values


class Performance:
    """Records of everybody; each call sees those of one.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def get(self, scope: UserScope, number: int) -> dict[str, Any]:
        """Return one record with its trades and its history. Raises Refused: nobody has it, or somebody else."""
        found = self._rows(scope, [_TABLE.c.id == number], whole=True, limit=1)
        if not found:
            raise not_there("record of performance", number)
        return found[0]

    def list(
        self,
        scope: UserScope,
        *,
        execution: str = "",
        strategy_name: str = "",
        strategy_type: str = "",
        strategy_id: str = "",
        since_ns: int = 0,
        limit: int = 50,
        offset: int = 0,
    ) -> Sequence[dict[str, Any]]:
        """Return somebody's records, newest first, without trades and history; those that fit, if asked.

        Raises:
            UnknownName: there is no such type of strategy.
        """
        wanted = {
            "execution_type": execution,
            "strategy_name": strategy_name,
            "strategy_type": _type_of(strategy_type),
            "strategy_id": strategy_id,
        }
        where = [_TABLE.c[name] == value for name, value in wanted.items() if value]
        where += [_TABLE.c.created_ns >= since_ns] if since_ns else []
        return self._rows(scope, where, whole=False, limit=limit, offset=offset)

    def _rows(
        self, scope: UserScope, where: Sequence[ColumnElement[bool]], *, whole: bool, limit: int, offset: int = 0
    ) -> Sequence[dict[str, Any]]:
        columns = [column for column in _TABLE.columns if whole or column.name not in _HEAVY]
        mine = select(*columns).where(_TABLE.c.user_id == scope.user_id, _TABLE.c.deleted_ns == 0, *where)
        ordered = mine.order_by(_TABLE.c.created_ns.desc(), _TABLE.c.id.desc())
        return [record_values(row) for row in self._database.rows(ordered.limit(limit).offset(offset))]

    def delete(self, scope: UserScope, number: int) -> None:
        """Take away one's own record; what it told is erased, and it does not come back.

        Raises:
            Refused: nobody has it, or somebody else.
        """
        mine = update(_TABLE).where(_TABLE.c.id == number, _TABLE.c.user_id == scope.user_id, _TABLE.c.deleted_ns == 0)
        erased = dict.fromkeys((*_HEAVY, "symbols_json"), "[]") | {"config_json": "{}"}
        with self._database.write() as writing:
            changed = writing.run(mine.values(**erased, deleted_ns=self._clock.now_ns()))
        if not changed:
            raise not_there("record of performance", number)


def _type_of(name: str) -> str:
    """Return a type of strategy as records hold it, from any source's name for it."""
    return name if not name or plain_name(name) == CUSTOM_TYPE else find_name(name)
