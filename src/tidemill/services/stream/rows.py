"""How rows of the database are sent: money, prices and quantities as decimal text, times as ISO UTC milliseconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "activity_row",
    "alert_row",
    "audit_row",
    "equity_row",
    "fill_row",
    "halt_row",
    "iso",
    "job_row",
    "money",
    "notification_row",
    "order_row",
    "position_row",
    "run_row",
    "signal_row",
]

_MICRO = 1_000_000
_MILLISECOND_NS = 1_000_000
Row = Mapping[Any, Any]


def money(micros: int | None) -> str | None:
    """Return micros as exact decimal text with two decimals or as many as it takes; None stays None."""
    if micros is None:
        return None
    whole, rest = divmod(abs(int(micros)), _MICRO)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{decimals}"


def iso(ts_ns: int | None) -> str | None:
    """Return UTC nanoseconds as ``2024-01-31T14:30:00.000Z``; None for 0."""
    if not ts_ns:
        return None
    seconds, rest = divmod(int(ts_ns) // _MILLISECOND_NS, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def _pct(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def position_row(row: Row) -> dict[str, Any]:
    """Return a position as it is sent."""
    return {
        "run_id": row["run_id"],
        "strategy": row["strategy"],
        "symbol": row["symbol"],
        "quantity": row["quantity"],
        "average_price": row["average_price"] or None,
        "market_price": row["market_price"] or None,
        "stop_price": row["stop_price"] or None,
        "target_price": row["target_price"] or None,
        "market_value": money(row["market_value_micros"]),
        "unrealised_pnl": money(row["unrealised_pnl_micros"]),
        "realised_pnl": money(row["realised_pnl_micros"]),
        "fees": money(row["fees_micros"]),
        "opened_at": iso(row["opened_ns"]),
        "updated_at": iso(row["updated_ns"]),
    }


def equity_row(row: Row) -> dict[str, Any]:
    """Return the account of a run as it is sent."""
    return {
        "run_id": row["run_id"],
        "account": row["account"],
        "equity": money(row["equity_micros"]),
        "cash": money(row["cash_micros"]),
        "daily_pnl": money(row["daily_pnl_micros"]),
        "total_pnl": money(row["total_pnl_micros"]),
        "exposure": money(row["exposure_micros"]),
        "buying_power": money(row["buying_power_micros"]),
        "open_trades": row["open_trades"],
        "trades_today": row["trades_today"],
        "drawdown_pct": _pct(row["drawdown_pct"]),
        "updated_at": iso(row["updated_ns"]),
    }


def order_row(row: Row) -> dict[str, Any]:
    """Return an order as it is sent."""
    names = ("run_id", "client_id", "strategy", "symbol", "side", "type", "tif", "intent", "reason", "state")
    return {
        **{name: row[name] for name in names},
        "quantity": row["quantity"],
        "filled": row["filled"],
        "average_price": row["average_price"] or None,
        "limit_price": row["limit_price"] or None,
        "stop_price": row["stop_price"] or None,
        "text": row["text"],
        "created_at": iso(row["created_ns"]),
        "updated_at": iso(row["updated_ns"]),
    }


def fill_row(row: Row) -> dict[str, Any]:
    """Return a fill as it is sent."""
    names = ("run_id", "exec_id", "client_id", "strategy", "symbol", "side", "quantity", "price", "kind", "flags")
    return {
        "number": row["number"],
        **{name: row[name] for name in names},
        "fee": money(row["fee_micros"]),
        "at": iso(row["ts_ns"]),
    }


def signal_row(row: Row) -> dict[str, Any]:
    """Return a signal as it is sent."""
    names = ("run_id", "number", "strategy", "symbol", "kind", "side", "status", "refusal", "client_id")
    return {
        **{name: row[name] for name in names},
        "price": row["price"] or None,
        "quantity": row["volume"] or None,
        "execution_price": row["execution_price"] or None,
        "reason": row["error"],
        "at": iso(row["at_ns"]),
        "executed_at": iso(row["execution_ns"]),
    }


def activity_row(row: Row) -> dict[str, Any]:
    """Return one line of a run's log as it is sent."""
    names = ("run_id", "number", "kind", "strategy", "symbol", "text")
    facts = json.loads(row["data_json"] or "{}")
    return {**{name: row[name] for name in names}, "facts": facts, "at": iso(row["at_ns"])}


def alert_row(row: Row) -> dict[str, Any]:
    """Return an alert as it is sent."""
    names = ("key", "run_id", "severity", "kind", "text")
    return {**{name: row[name] for name in names}, "at": iso(row["at_ns"])}


def halt_row(row: Row) -> dict[str, Any]:
    """Return a halt, or its end, as it is sent."""
    names = ("scope", "state", "reason", "by")
    return {**{name: row[name] for name in names}, "at": iso(row["at_ns"])}


def run_row(row: Row) -> dict[str, Any]:
    """Return how a run stands as it is sent."""
    names = ("run_id", "agent_id", "face", "mode", "wanted", "status", "message")
    return {
        **{name: row[name] for name in names},
        "version": row["agent_version"],
        "is_active": row["slot"] >= 0,
        "started_at": iso(row["started_ns"]),
        "ended_at": iso(row["ended_ns"]),
    }


def job_row(row: Row) -> dict[str, Any]:
    """Return a job as it is sent."""
    return {
        **{name: row[name] for name in ("id", "kind", "status", "message", "performance_id", "bars")},
        "progress_ratio": round(row["progress_ratio"] or 0.0, 4),
        "created_at": iso(row["created_ns"]),
        "started_at": iso(row["started_ns"]),
        "ended_at": iso(row["ended_ns"]),
    }


def notification_row(row: Row) -> dict[str, Any]:
    """Return a notification as it is sent."""
    names = ("id", "kind", "priority", "title", "text", "link", "run_id")
    return {**{name: row[name] for name in names}, "at": iso(row["created_ns"]), "read_at": iso(row["read_ns"])}


def audit_row(row: Row) -> dict[str, Any]:
    """Return a line of the audit log as it is sent."""
    return {**{name: row[name] for name in ("id", "actor", "action", "object")}, "at": iso(row["at_ns"])}
