"""How runs fare, as their read tables and their record tell it; whoever holds an ``OwnedRun`` may look at it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, func, select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.read_tables import READ_TABLES
from tidemill.adapters.sql.tables import ALERTS, FILLS, ORDERS, RUNS
from tidemill.services.fleet.newest import newest_rows
from tidemill.services.fleet.runs import OwnedRun

__all__ = ["Facts", "Portfolio", "PositionFact", "Row", "number", "usd"]

_MICRO = 1_000_000


def usd(micros: int | None) -> float:
    """Return money as a number of the account's currency, to the cent."""
    return round((micros or 0) / _MICRO, 2)


def number(text: str | None) -> float | None:
    """Return a decimal text as a number, None for an empty one."""
    return float(text) if text else None


@dataclass(frozen=True, slots=True)
class PositionFact:
    """One open position of a run: signed units, prices, money in account currency, percent of cost."""

    run_id: str
    strategy: str
    symbol: str
    quantity: float
    average_price: float
    market_price: float
    market_value: float
    cost: float
    unrealised: float
    unrealised_pct: float
    stop_price: float | None
    target_price: float | None
    opened_ns: int
    updated_ns: int


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The money of a run: account currency, percent where the name says so."""

    cash: float
    equity: float
    daily_pnl: float
    daily_pnl_pct: float
    total_pnl: float
    exposure: float
    buying_power: float
    open_trades: int
    trades_today: int
    signals_today: int
    drawdown_pct: float
    updated_ns: int


class Facts:
    """Reads what the engine wrote.

    Args:
        database: of the installation.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def _rows(
        self, table: Table, runs: Sequence[OwnedRun], order: str, limit: int, offset: int = 0, *where: Any
    ) -> Sequence[Row]:
        return newest_rows(self._database, table, runs, order, limit, offset, *where)

    def portfolio(self, run: OwnedRun, cash: float) -> Portfolio:
        """Return a run's money; before its first row, what it began with.

        Args:
            cash: it begins with.
        """
        row = next(iter(self._rows(READ_TABLES["portfolio_state"], [run], "updated_ns", 1)), None)
        if row is None:
            return Portfolio(cash, cash, 0.0, 0.0, 0.0, 0.0, cash, 0, 0, 0, 0.0, run.started_ns)
        return Portfolio(
            usd(row["cash_micros"]),
            usd(row["equity_micros"]),
            usd(row["daily_pnl_micros"]),
            round(row["daily_pnl_pct"] or 0.0, 4),
            usd(row["total_pnl_micros"]),
            usd(row["exposure_micros"]),
            usd(row["buying_power_micros"]),
            row["open_trades"] or 0,
            row["trades_today"] or 0,
            row["signals_today"] or 0,
            round(row["drawdown_pct"] or 0.0, 4),
            row["updated_ns"] or 0,
        )

    def portfolio_of(self, run: OwnedRun | None, cash: float, at_ns: int) -> Portfolio:
        """Return the money of an agent's newest run; without one, what it will begin with."""
        if run is not None:
            return self.portfolio(run, cash)
        return Portfolio(cash, cash, 0.0, 0.0, 0.0, 0.0, cash, 0, 0, 0, 0.0, at_ns)

    def positions(self, runs: Sequence[OwnedRun]) -> list[PositionFact]:
        """Return open positions, newest change first."""
        table = READ_TABLES["positions"]
        found = self._rows(table, runs, "updated_ns", 1000, 0, table.c.quantity != "0")
        return [_position(row) for row in found if number(row["quantity"])]

    def trips(self, runs: Sequence[OwnedRun], limit: int = 100, offset: int = 0, status: str = "") -> Sequence[Row]:
        """Return round trips as their table holds them, newest entry first; of a status, if asked."""
        table = READ_TABLES["round_trips"]
        where = [table.c.status == status] if status else []
        return self._rows(table, runs, "entered_ns", limit, offset, *where)

    def signals(
        self,
        runs: Sequence[OwnedRun],
        limit: int = 100,
        *,
        symbol: str = "",
        side: str = "",
        only_executed: bool = False,
        since_ns: int = 0,
    ) -> Sequence[Row]:
        """Return signals as their table holds them, newest first."""
        table = READ_TABLES["signals"]
        where = [table.c.symbol == symbol] if symbol else []
        where += [table.c.side == side] if side else []
        where += [table.c.executed == 1] if only_executed else []
        where += [table.c.at_ns >= since_ns] if since_ns else []
        return self._rows(table, runs, "at_ns", limit, 0, *where)

    def count_signals(self, runs: Sequence[OwnedRun]) -> int:
        """Return how many signals runs have given."""
        table = READ_TABLES["signals"]
        row = self._database.row(
            select(func.count().label("count")).where(table.c.run_id.in_([run.run_id for run in runs]))
        )
        return int(row["count"]) if row is not None else 0

    def activity(self, runs: Sequence[OwnedRun], limit: int = 100) -> Sequence[Row]:
        """Return what happened as its table holds it, newest first."""
        return self._rows(READ_TABLES["activity_log"], runs, "at_ns", limit)

    def metrics(self, runs: Sequence[OwnedRun], limit: int = 100, basis: str = "") -> Sequence[Row]:
        """Return figures after each round trip or day, newest first."""
        table = READ_TABLES["risk_metrics"]
        where = [table.c.basis == basis] if basis else []
        return self._rows(table, runs, "at_ns", limit, 0, *where)

    def snapshots(self, runs: Sequence[OwnedRun], limit: int = 1000) -> Sequence[Row]:
        """Return equity over time as its table holds it, newest first."""
        return self._rows(READ_TABLES["portfolio_snapshots"], runs, "at_ns", limit)

    def orders(self, runs: Sequence[OwnedRun], limit: int = 100, offset: int = 0) -> Sequence[Row]:
        """Return orders as the record holds them, newest first."""
        return self._rows(ORDERS, runs, "created_ns", limit, offset)

    def fills(self, runs: Sequence[OwnedRun], limit: int = 100, offset: int = 0) -> Sequence[Row]:
        """Return fills as the record holds them, newest first."""
        return self._rows(FILLS, runs, "ts_ns", limit, offset)

    def alerts(self, runs: Sequence[OwnedRun], limit: int = 100) -> Sequence[Row]:
        """Return what a person should know of these runs, newest first."""
        return self._rows(ALERTS, runs, "at_ns", limit)

    def record(self, run: OwnedRun) -> Row | None:
        """Return the run's row of the record, None before it began."""
        return self._database.row(select(RUNS).where(RUNS.c.run_id == run.run_id))

    def view(self, run: OwnedRun) -> dict[str, Any]:
        """Return what the run's heartbeat told last: counts of events, bars, orders, fills; empty before the first."""
        beat = self._database.store.heartbeats().get(f"run:{run.run_id}")
        if beat is None:
            return {}
        found: dict[str, Any] = json.loads(beat[1])
        return {**found, "at_ns": beat[0]}

    def tape(self, run: OwnedRun) -> dict[str, Any]:
        """Return what the tape of a run holds: rows of the store's tape, the newest number and hash."""
        last = self._database.store.last_tape(run.run_id)
        return {
            "last_seq": last.seq if last else 0,
            "last_hash": last.hash if last else "",
            "has_record": last is not None,
        }


def _position(row: Row) -> PositionFact:
    quantity = number(row["quantity"]) or 0.0
    return PositionFact(
        row["run_id"],
        row["strategy"],
        row["symbol"],
        quantity,
        number(row["average_price"]) or 0.0,
        number(row["market_price"]) or 0.0,
        usd(row["market_value_micros"]),
        usd(row["cost_micros"]),
        usd(row["unrealised_pnl_micros"]),
        round(row["unrealised_pnl_pct"] or 0.0, 4),
        number(row["stop_price"]),
        number(row["target_price"]),
        row["opened_ns"] or 0,
        row["updated_ns"] or 0,
    )
