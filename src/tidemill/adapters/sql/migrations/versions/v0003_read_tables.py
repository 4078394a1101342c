"""The read tables: positions, portfolio, round trips, signals, activity, figures of risk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0003"
down_revision = "0002"

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_REAL: TypeEngine[float] = sa.Double().with_variant(sqlite.REAL(), "sqlite")


def _key(names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names.split()]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, _WHOLE, nullable=False, autoincrement=False)


def _text(names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text()) for name in names.split()]


def _whole(names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _WHOLE) for name in names.split()]


def _real(names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, _REAL) for name in names.split()]


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def upgrade() -> None:
    """Make the tables."""
    _table(
        "positions",
        *_key("run_id strategy symbol"),
        *_text("account quantity average_price market_price stop_price target_price protected_quantity"),
        *_whole("market_value_micros cost_micros unrealised_pnl_micros realised_pnl_micros fees_micros"),
        *_whole("opened_ns updated_ns"),
        *_real("unrealised_pnl_pct"),
        sa.PrimaryKeyConstraint("run_id", "strategy", "symbol"),
    )
    _table(
        "portfolio_state",
        *_key("run_id account"),
        *_text("positions_json"),
        *_whole("cash_micros equity_micros daily_pnl_micros total_pnl_micros open_trades exposure_micros"),
        *_whole("buying_power_micros trades_today signals_today updated_ns"),
        *_real("daily_pnl_pct exposure_pct drawdown_pct"),
        sa.PrimaryKeyConstraint("run_id", "account"),
    )
    _table(
        "portfolio_snapshots",
        *_key("run_id"),
        _number("at_ns"),
        *_text("mode positions_json"),
        *_whole("equity_micros cash_micros exposure_micros daily_pnl_micros"),
        sa.PrimaryKeyConstraint("run_id", "at_ns"),
    )
    _table(
        "round_trips",
        *_key("run_id"),
        _number("number"),
        *_text("account strategy symbol side status quantity entry_price exit_price stop_price target_price"),
        *_text("entry_order exit_order entry_reason exit_reason outcome pattern high_water low_water trailing_stop"),
        *_text("source recommendation_id model_version features_json notes"),
        *_whole("submitted_ns entered_ns exited_ns updated_ns pnl_micros fees_micros risk_micros mae_micros"),
        *_whole("mfe_micros bars trailing_active is_backfill"),
        *_real("pnl_pct r_multiple confidence_pct score_ratio trailing_pct"),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_index("round_trips_by_exited_ns", "round_trips", ["run_id", "exited_ns"])
    _table(
        "signals",
        *_key("run_id"),
        _number("number"),
        *_text("strategy symbol kind side status pattern price volume refusal client_id execution_price error"),
        *_text("features_json"),
        *_whole("at_ns updated_ns executed execution_ns"),
        *_real("strength"),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_index("signals_by_at_ns", "signals", ["run_id", "at_ns"])
    _table(
        "activity_log",
        *_key("run_id"),
        _number("number"),
        *_text("kind strategy symbol text data_json"),
        *_whole("at_ns"),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_index("activity_log_by_at_ns", "activity_log", ["run_id", "at_ns"])
    _table(
        "risk_metrics",
        *_key("run_id basis"),
        _number("mark"),
        *_whole("at_ns equity_micros exposure_micros daily_pnl_micros cumulative_pnl_micros max_drawdown_micros"),
        *_whole("trades winning_trades losing_trades average_win_micros average_loss_micros"),
        *_real("max_drawdown_pct sharpe_ratio win_rate_pct profit_factor"),
        sa.PrimaryKeyConstraint("run_id", "basis", "mark"),
    )
