"""What records of performance add up to, over a stretch of time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["TIMEFRAMES", "grouped", "since", "totals"]

TIMEFRAMES = {"7d": 7, "30d": 30, "90d": 90, "1y": 365}
_DAY_NS = 86_400_000_000_000


def since(timeframe: str, now_ns: int) -> int:
    """Return the beginning of a stretch that ends now, UTC nanoseconds."""
    return now_ns - TIMEFRAMES[timeframe] * _DAY_NS


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def totals(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return counts and means of records; the win rate is that of all trades together, percent."""
    trades = sum(item["total_trades"] for item in records)
    wins = sum(item["winning_trades"] for item in records)
    sharpes = [item["sharpe_ratio"] for item in records if item["sharpe_ratio"] is not None]
    best = max(records, key=lambda item: (item["total_return_pct"], -item["id"]), default=None)
    worst = min(records, key=lambda item: (item["total_return_pct"], item["id"]), default=None)
    return {
        "total_records": len(records),
        "backtests": sum(item["execution_type"] == "backtest" for item in records),
        "live": sum(item["execution_type"] == "live" for item in records),
        "total_trades": trades,
        "winning_trades": wins,
        "losing_trades": sum(item["losing_trades"] for item in records),
        "win_rate": 100.0 * wins / trades if trades else None,
        "average_return": _mean([item["total_return_pct"] for item in records]),
        "average_sharpe_ratio": _mean(sharpes),
        "worst_drawdown": max((item["max_drawdown_pct"] or 0.0 for item in records), default=None),
        "total_pnl": round(math.fsum(item["final_capital"] - item["initial_capital"] for item in records), 2),
        "best_id": best["id"] if best is not None else None,
        "worst_id": worst["id"] if worst is not None else None,
    }


def grouped(records: Sequence[Mapping[str, Any]], key: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the totals of each group of records that share a value, in the order of the values."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in records:
        groups[str(item[key])].append(item)
    return [(name, totals(groups[name])) for name in sorted(groups)]
