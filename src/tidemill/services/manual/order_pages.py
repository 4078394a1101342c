"""Orders and fills of people, found again: page by page, newest first, and one by its id."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.tables import FILLS, ORDERS
from tidemill.model.people import UserScope
from tidemill.services.fleet.newest import newest_rows
from tidemill.services.fleet.refusals import not_there
from tidemill.services.fleet.runs import OwnedRun, Runs
from tidemill.services.refusals import Refused

__all__ = ["OrderPages"]


class OrderPages:
    """Orders and fills of everybody; each call sees those of one.

    Args:
        database: of the installation. runs: whose they are.
    """

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database, self._runs = database, runs

    def page(
        self,
        scope: UserScope,
        *,
        limit: int,
        before: str = "",
        states: Sequence[str] = (),
        symbol: str = "",
        run_id: str = "",
    ) -> Sequence[Row]:
        """Return orders of all of somebody's runs, newest first.

        Args:
            before: id of the order the page begins behind.

        Raises:
            Refused: there is no such order or run.
        """
        runs = [self._runs.get(scope, run_id)] if run_id else self._runs.list(scope, limit=1_000)
        where: list[ColumnElement[bool]] = [ORDERS.c.state.in_(states)] if states else []
        where += [ORDERS.c.symbol == symbol] if symbol else []
        if before:
            last = self.get(scope, before)[0]
            older = and_(ORDERS.c.created_ns == last["created_ns"], ORDERS.c.client_id < last["client_id"])
            where.append(or_(ORDERS.c.created_ns < last["created_ns"], older))
        return newest_rows(self._database, ORDERS, runs, "created_ns", limit, 0, *where)

    def get(self, scope: UserScope, order_id: str) -> tuple[Row, OwnedRun]:
        """Return one order and its run. Raises Refused: nobody has it, or somebody else."""
        row = self._database.row(select(ORDERS).where(ORDERS.c.client_id == order_id))
        if row is None:
            raise not_there("order", order_id)
        try:
            return row, self._runs.get(scope, row["run_id"])
        except Refused:
            raise not_there("order", order_id) from None

    def fills(self, scope: UserScope, *, limit: int, offset: int, symbol: str = "", run_id: str = "") -> Sequence[Row]:
        """Return fills of all of somebody's runs, newest first. Raises Refused: there is no such run."""
        runs = [self._runs.get(scope, run_id)] if run_id else self._runs.list(scope, limit=1_000)
        where = [FILLS.c.symbol == symbol] if symbol else []
        return newest_rows(self._database, FILLS, runs, "ts_ns", limit, offset, *where)
