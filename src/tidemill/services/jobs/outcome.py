"""What a finished backtest leaves: its answer in the words of the API, and its record of performance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidemill.research.result import BacktestResult
from tidemill.research.result.tables import iso_utc, table_of
from tidemill.services.jobs.asked import Asked

__all__ = ["MOST_POINTS", "MOST_TRADES", "performance_of", "summary_of"]

MOST_TRADES = 1_000  # in an answer and in a record; the whole result has all
MOST_POINTS = 2_500  # days of equity likewise


def _rows(result: BacktestResult, name: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    found = dict(table_of(result.record, name, iso=True))
    kept = [np.asarray(found[column])[-MOST_TRADES:].tolist() for column in columns]
    return [dict(zip(columns, values, strict=True)) for values in zip(*kept, strict=True)]


def _trades(result: BacktestResult) -> list[dict[str, Any]]:
    """Return the newest fills, oldest first; those that reduce a position carry its result."""
    columns = ("timestamp", "symbol", "side", "quantity", "price", "fee", "realised", "intent", "reason")
    trades = []
    for row in _rows(result, "fills", columns):
        side, intent, realised = row.pop("side"), row.pop("intent"), row.pop("realised")
        trades.append({**row, "action": side.upper(), "pnl": None if intent == "entry" else round(realised, 2)})
    return trades


def _equity(result: BacktestResult) -> list[dict[str, Any]]:
    days = dict(table_of(result.record, "days", iso=True))
    values = np.asarray(days["equity"])
    step = max(1, math.ceil(len(values) / MOST_POINTS))
    kept = sorted({*range(0, len(values), step), len(values) - 1} - {-1})
    return [{"date": str(days["day"][at]), "value": round(float(values[at]), 2)} for at in kept]


def _span(result: BacktestResult) -> tuple[str, str]:
    first = min(int(table.ts[0]) for table in result.record.bars if len(table))
    last = max(int(table.ts[-1]) for table in result.record.bars if len(table))
    return tuple(str(text)[:10] for text in iso_utc(np.array([first, last])))  # type: ignore[return-value]


def summary_of(asked: Asked, result: BacktestResult, bars: int) -> dict[str, Any]:
    """Return the answer to a backtest: rates are ratios 0 to 1, money is in account currency."""
    metrics = result.metrics
    start, end = _span(result)
    return {
        "strategy": asked.name,
        "strategy_type": asked.type,
        "symbols": list(asked.symbols),
        "start_date": start,
        "end_date": end,
        "initial_capital": asked.cash,
        "final_value": round(metrics["final_equity"], 2),
        "total_return": _ratio(metrics["total_return_pct"]),
        "win_rate": metrics["win_rate"],
        "max_drawdown": abs(_ratio(metrics["max_drawdown_pct"]) or 0.0),
        "sharpe_ratio": metrics["sharpe"],
        "total_trades": metrics["total_trades"],
        "trades": _trades(result),
        "total_fills": len(result.record.fills),
        "portfolio_history": _equity(result),
        "bars": bars,
        "feed": "SIMULATED" if asked.is_simulated else asked.data["kind"],
        "warnings": list(result.record.warnings),
        "assumptions": list(result.record.assumptions),
        "is_prefix_invariant": result.record.prefix_invariant,
    }


def _ratio(pct: float | None) -> float | None:
    return None if pct is None else pct / 100.0


def performance_of(asked: Asked, result: BacktestResult) -> Mapping[str, Any]:
    """Return the columns of a backtest's record of performance; rates are percent there."""
    metrics = result.metrics
    start, end = _span(result)
    win_rate, held_s, drawdown = metrics["win_rate"], metrics["average_holding_seconds"], metrics["max_drawdown_pct"]
    return {
        "strategy_name": asked.name,
        "strategy_type": asked.type,
        "strategy_id": asked.strategy_id,
        "execution_type": "backtest",
        "symbols": list(asked.symbols),
        "start_date": start,
        "end_date": end,
        "config": {
            "strategy": asked.strategy,
            "parameters": dict(asked.params),
            "settings": dict(asked.settings),
            "data": dict(asked.data),
        },
        "trades_data": _trades(result),
        "portfolio_history": _equity(result),
        "total_trades": metrics["total_trades"],
        "winning_trades": metrics["wins"],
        "losing_trades": metrics["losses"],
        "initial_capital": asked.cash,
        "final_capital": round(metrics["final_equity"], 2),
        "total_return_pct": metrics["total_return_pct"] or 0.0,
        "win_rate_pct": None if win_rate is None else win_rate * 100.0,
        "max_drawdown_pct": None if drawdown is None else abs(drawdown),
        "sharpe_ratio": metrics["sharpe"],
        "sortino_ratio": metrics["sortino"],
        "average_win": metrics["average_win"],
        "average_loss": metrics["average_loss"],
        "profit_factor": metrics["profit_factor"],
        "largest_win": metrics["largest_win"],
        "largest_loss": metrics["largest_loss"],
        "average_duration_hours": None if held_s is None else held_s / 3_600.0,
        "volatility_pct": metrics["volatility_pct"],
        "beta": metrics["beta"],
        "alpha": metrics["alpha"],
    }
