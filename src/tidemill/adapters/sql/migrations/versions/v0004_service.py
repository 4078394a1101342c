"""The service: people, their agents, runs, settings, strategies, jobs, results, webhooks, notifications and notes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from tidemill.adapters.sql.views import VIEWS, view_sql

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0004"
down_revision = "0003"

_TYPES: dict[str, TypeEngine[Any]] = {
    "text": sa.Text(),
    "whole": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
    "real": sa.Double().with_variant(sqlite.REAL(), "sqlite"),
}


def _one_of(table: str, column: str, *names: str) -> sa.CheckConstraint:
    known = ", ".join(f"'{name}'" for name in names)
    return sa.CheckConstraint(f"{column} IN ({known})", name=f"{table}_known_{column}")


def _table(
    name: str,
    key: str,
    *extra: sa.schema.SchemaItem,
    text: str = "",
    whole: str = "",
    real: str = "",
    maybe: str = "",
    unique: str = "",
    index: str = "",
) -> None:
    keys = [part.partition(":") for part in key.split()]
    counts = any(kind == "auto" for _, _, kind in keys)
    columns = [
        sa.Column(part, _TYPES["whole" if kind else "text"], primary_key=True, autoincrement=counts)
        for part, _, kind in keys
    ]
    kinds = [("text", text, False), ("whole", whole, False), ("real", real, False), ("real", maybe, True)]
    columns += [sa.Column(part, _TYPES[kind], nullable=empty) for kind, names, empty in kinds for part in names.split()]
    only: dict[str, Any] = {"sqlite_autoincrement": True} if counts else {}
    op.create_table(name, *columns, *extra, sqlite_strict=True, **only)
    for part in unique.split():
        op.create_index(f"{name}_one_{part.replace('+', '_')}", name, part.split("+"), unique=True)
    for part in index.split():
        op.create_index(f"{name}_by_{part.replace('+', '_')}", name, part.split("+"))


def upgrade() -> None:
    """Make the tables."""
    _table(
        "users",
        "id:auto",
        _one_of("users", "tier", "FREE", "BASIC", "PREMIUM", "ENTERPRISE"),
        text="username email password_hash roles tier plan_status",
        whole="is_active session_version created_ns updated_ns",
        unique="username email",
    )
    _table(
        "refresh_tokens",
        "hash",
        text="family",
        whole="user_id session_version issued_ns expires_ns used_ns revoked_ns",
        index="family user_id",
    )
    _table("login_throttle", "key", whole="failures until_ns updated_ns")
    _table(
        "agents",
        "number:auto",
        _one_of("agents", "face", "agent", "live_strategy", "session", "manual"),
        text="id face name status spec_json face_json run_id message",
        whole="user_id version is_active created_ns updated_ns deleted_ns",
        unique="id",
        index="user_id+face run_id",
    )
    _table("agent_versions", "agent_id version:int", text="spec_json hash", whole="created_ns used_ns")
    _table(
        "run_owners",
        "run_id",
        _one_of("run_owners", "wanted", "RUN", "PAUSE", "STOP"),
        text="agent_id face mode wanted status message",
        whole="user_id agent_version slot started_ns ended_ns updated_ns",
        index="user_id+started_ns wanted",
    )
    _table(
        "idempotency", "user_id:int key", text="route body_hash answer_json", whole="status_code at_ns", index="at_ns"
    )
    _table("user_settings", "user_id:int name", text="body_json", whole="updated_ns")
    _table(
        "trading_session_settings", "agent_id", text="body_json", whole="user_id created_ns updated_ns", index="user_id"
    )
    _table(
        "custom_strategies",
        "id:auto",
        text="name description buy_conditions_json sell_conditions_json avatar",
        whole="user_id is_active is_public created_ns updated_ns",
        unique="user_id+name",
        index="is_public",
    )
    _table(
        "user_strategies",
        "id:auto",
        text="name description strategy_type config_json backtest_results_json",
        whole="user_id is_active is_public created_ns updated_ns",
        unique="user_id+name",
        index="is_public+strategy_type",
    )
    _table(
        "strategy_performance",
        "id:auto",
        text=(
            "strategy_name strategy_type strategy_id execution_type session_id run_id job_id symbols_json start_date "
            "end_date config_json trades_data_json portfolio_history_json"
        ),
        whole="user_id total_trades winning_trades losing_trades created_ns deleted_ns",
        real="initial_capital final_capital total_return_pct",
        maybe=(
            "win_rate_pct max_drawdown_pct sharpe_ratio sortino_ratio average_win average_loss profit_factor "
            "largest_win largest_loss average_duration_hours volatility_pct beta alpha"
        ),
        index="user_id+created_ns user_id+strategy_name",
    )
    of_run = sa.text("run_id != ''")
    op.create_index(
        "strategy_performance_one_run",
        "strategy_performance",
        ["run_id"],
        unique=True,
        sqlite_where=of_run,
        postgresql_where=of_run,
    )
    _table(
        "jobs",
        "id",
        _one_of("jobs", "status", "QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"),
        text="kind status body_json body_hash message result_json owner",
        whole="user_id performance_id is_cancelled bars created_ns started_ns ended_ns beat_ns",
        real="progress_ratio",
        index="user_id+created_ns status",
    )
    _table(
        "webhooks",
        "id:auto",
        text="url secret_sealed events description",
        whole="user_id is_active failures created_ns updated_ns",
        index="user_id",
    )
    _table(
        "deliveries",
        "id:auto",
        _one_of("deliveries", "status", "PENDING", "SUCCESS", "FAILED"),
        text="channel target event key body_json status error",
        whole="user_id attempts response_code next_ns created_ns done_ns",
        unique="channel+target+key",
        index="status+next_ns user_id+created_ns",
    )
    _table(
        "notifications",
        "id:auto",
        text="key kind priority title text link data_json run_id",
        whole="user_id created_ns read_ns",
        unique="user_id+key",
        index="user_id+created_ns",
    )
    _table(
        "audit_log",
        "id:auto",
        text="actor action object detail_json address request_id prev_hash hash",
        whole="user_id at_ns",
        unique="prev_hash",
        index="user_id+at_ns",
    )
    _table(
        "trade_logs",
        "order_id",
        text="run_id symbol side outcome source features_json notes model_version",
        whole="user_id created_ns submitted_ns entered_ns exited_ns is_backfill",
        real="quantity",
        maybe="entry_price stop_price target_price exit_price pnl_usd r_multiple model_score_ratio",
        index="user_id+created_ns run_id",
    )
    _table(
        "signal_requests",
        "id",
        text="run_id symbol signal_type status reason client_id body_json",
        whole="user_id at_ns",
        index="user_id+at_ns",
    )
    op.create_index("fills_time", "fills", ["run_id", "ts_ns", "number"])  # the newest first, of a million
    taken = sa.text("slot >= 0")
    op.create_index(
        "run_owners_one_slot",
        "run_owners",
        ["user_id", "slot"],
        unique=True,
        sqlite_where=taken,
        postgresql_where=taken,
    )
    connection = op.get_bind()
    for name in VIEWS:
        connection.exec_driver_sql(view_sql(name, connection.dialect.name))
