"""Records of runs that are over: made when somebody looks, one for each run, however many look at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, select, update

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import AGENTS, RUN_OWNERS, STRATEGY_PERFORMANCE
from tidemill.model.errors import AlreadyThere
from tidemill.model.people import UserScope
from tidemill.services.fleet.agents import agent_of
from tidemill.services.fleet.facts import Facts, usd
from tidemill.services.fleet.runs import OwnedRun, Runs
from tidemill.services.fleet.strategies import CUSTOM_TYPE
from tidemill.services.performance.records import add_record, columns_of

__all__ = ["LiveRecords"]

_MOST_TRADES = 1_000
_MOST_POINTS = 2_500
_MOST_TRIPS = 100_000
_HOUR_NS = 3_600_000_000_000
_PAGE = 200


class LiveRecords:
    """Turns runs that are over into records.

    Args:
        database: of the installation. runs, facts: what they did.
    """

    def __init__(self, database: Database, runs: Runs, facts: Facts) -> None:
        self._database, self._runs, self._facts = database, runs, facts

    def settle(self, scope: UserScope) -> int:
        """Write the records that are missing of somebody's runs, and renew those of runs that went on; return how many.

        A record that was taken away stays away.
        """
        made = 0
        for run_id, is_new in self._unsettled(scope):
            run = self._runs.get(scope, run_id)
            made += self._write(scope, run, is_new=is_new)
        return made

    def _unsettled(self, scope: UserScope) -> Sequence[tuple[str, bool]]:
        kept = STRATEGY_PERFORMANCE
        joined = RUN_OWNERS.outerjoin(kept, kept.c.run_id == RUN_OWNERS.c.run_id)
        over = (RUN_OWNERS.c.user_id == scope.user_id, RUN_OWNERS.c.slot < 0, RUN_OWNERS.c.ended_ns > 0)
        is_due = or_(kept.c.id.is_(None), (kept.c.created_ns < RUN_OWNERS.c.ended_ns) & (kept.c.deleted_ns == 0))
        found = select(RUN_OWNERS.c.run_id, kept.c.id).select_from(joined).where(*over, is_due)
        rows = self._database.rows(found.order_by(RUN_OWNERS.c.ended_ns, RUN_OWNERS.c.run_id).limit(_PAGE))
        return [(row["run_id"], row["id"] is None) for row in rows]

    def _write(self, scope: UserScope, run: OwnedRun, *, is_new: bool) -> bool:
        record = self._record(scope, run)
        try:
            with self._database.write() as writing:
                if is_new:
                    add_record(writing, record)
                else:
                    mine = update(STRATEGY_PERFORMANCE).where(
                        STRATEGY_PERFORMANCE.c.run_id == run.run_id, STRATEGY_PERFORMANCE.c.deleted_ns == 0
                    )
                    writing.run(mine.values(columns_of(record)))
        except AlreadyThere:
            return False  # somebody looked at the same moment, and was first
        return True

    def _record(self, scope: UserScope, run: OwnedRun) -> dict[str, Any]:
        spec = self._runs.spec(scope, run)
        row = self._database.row(select(AGENTS).where(AGENTS.c.id == run.agent_id))
        agent = agent_of(row) if row is not None else None
        trips = [row for row in self._facts.trips([run], _MOST_TRIPS, status="CLOSED") if row["exited_ns"]]
        money = self._facts.portfolio(run, spec.run.cash)
        points = list(reversed(self._facts.snapshots([run], _MOST_POINTS)))
        figures = next(iter(self._facts.metrics([run], 1)), None)
        strategies = [use.strategy for use in spec.strategies]
        face = agent.face_values if agent is not None else {}
        number = str(face.get("custom_id") or face.get("strategy_id") or "").removeprefix(f"{CUSTOM_TYPE}:")
        return {
            "user_id": run.user_id,
            "strategy_name": agent.name if agent is not None else spec.name,
            "strategy_type": "+".join(CUSTOM_TYPE if name == "conditions" else name for name in strategies)[:200],
            "strategy_id": number,
            "execution_type": "live",
            "session_id": str(agent.number) if agent is not None and run.face == "session" else "",
            "run_id": run.run_id,
            "symbols": list(spec.symbols) or sorted({row["symbol"] for row in trips}),
            "start_date": _day(run.started_ns),
            "end_date": _day(run.ended_ns),
            "config": {
                "strategies": [{"strategy": use.strategy, "parameters": dict(use.params)} for use in spec.strategies],
                "mode": run.mode,
                "feed": "SIMULATED" if spec.feed.kind == "synthetic" else spec.feed.kind,
            },
            "trades_data": [_trade(row) for row in reversed(trips[:_MOST_TRADES])],
            "portfolio_history": [{"date": _time(row["at_ns"]), "value": usd(row["equity_micros"])} for row in points],
            "initial_capital": spec.run.cash,
            "final_capital": money.equity,
            "total_return_pct": 100.0 * (money.equity / spec.run.cash - 1.0),
            "max_drawdown_pct": _worst_pct(spec.run.cash, [usd(row["equity_micros"]) for row in points]),
            "sharpe_ratio": figures["sharpe_ratio"] if figures is not None else None,
            "created_ns": run.ended_ns,
            **_of_trips(trips),
        }


def _of_trips(trips: Sequence[Row]) -> dict[str, Any]:
    """Return the figures of closed round trips; money in account currency, rates in percent."""
    results = [row["pnl_micros"] / 1e6 for row in trips]
    won, lost = [value for value in results if value > 0.0], [value for value in results if value < 0.0]
    hours = [(row["exited_ns"] - row["entered_ns"]) / _HOUR_NS for row in trips]
    return {
        "total_trades": len(results),
        "winning_trades": len(won),
        "losing_trades": len(lost),
        "win_rate_pct": 100.0 * len(won) / len(results) if results else None,
        "average_win": math.fsum(won) / len(won) if won else None,
        "average_loss": math.fsum(lost) / len(lost) if lost else None,
        "largest_win": max(won, default=None),
        "largest_loss": min(lost, default=None),
        "profit_factor": math.fsum(won) / -math.fsum(lost) if lost else None,
        "average_duration_hours": math.fsum(hours) / len(hours) if hours else None,
    }


def _worst_pct(cash: float, equity: Sequence[float]) -> float:
    """Return the deepest fall from the highest value so far, percent."""
    peak, worst = cash, 0.0
    for value in equity:
        peak = max(peak, value)
        worst = max(worst, (peak - value) / peak)
    return 100.0 * worst


def _trade(row: Row) -> dict[str, Any]:
    return {
        "symbol": row["symbol"],
        "side": row["side"],
        "quantity": float(row["quantity"] or 0.0),
        "entry_price": float(row["entry_price"] or 0.0),
        "exit_price": float(row["exit_price"] or 0.0),
        "entry_time": _time(row["entered_ns"]),
        "exit_time": _time(row["exited_ns"]),
        "pnl": usd(row["pnl_micros"]),
        "fees": usd(row["fees_micros"]),
        "reason": row["exit_reason"],
    }


def _time(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(ts_ns: int) -> str:
    return _time(ts_ns)[:10]
