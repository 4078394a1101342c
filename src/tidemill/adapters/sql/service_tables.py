"""Tables of the service: people and what belongs to them. Every row that is somebody's carries ``user_id``.

Units as in the read tables: ``_ns`` UTC nanoseconds, ``_pct`` 0 to 100, ``_ratio`` 0 to 1; ``*_json`` is JSON text.
Zero in a ``_ns`` column means: not yet.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, Table, literal_column

from tidemill.adapters.sql.tables import METADATA, sql_type

__all__ = [
    "AGENTS",
    "AGENT_VERSIONS",
    "AUDIT_LOG",
    "CUSTOM_STRATEGIES",
    "DELIVERIES",
    "IDEMPOTENCY",
    "JOBS",
    "LOGIN_THROTTLE",
    "NOTIFICATIONS",
    "REFRESH_TOKENS",
    "RUN_OWNERS",
    "SESSION_SETTINGS",
    "SIGNAL_REQUESTS",
    "STRATEGY_PERFORMANCE",
    "TRADE_LOGS",
    "USERS",
    "USER_SETTINGS",
    "USER_STRATEGIES",
    "WEBHOOKS",
]


def _table(
    name: str,
    key: str,
    *extra: Any,
    text: str = "",
    whole: str = "",
    real: str = "",
    maybe: str = "",
    unique: str = "",
    index: str = "",
) -> Table:
    """Return a table of the service.

    Args:
        key: ``number`` columns count up by themselves; else names, ``:int`` where they are numbers.
        text, whole, real: columns that always have a value. maybe: numbers that may be missing.
        unique, index: indexes, their columns joined by ``+``.
    """
    keys = [part.partition(":") for part in key.split()]
    counts = [part for part, _, kind in keys if kind == "auto"]
    columns = [
        Column(part, sql_type("str" if not kind else "int"), primary_key=True, autoincrement=bool(counts))
        for part, _, kind in keys
    ]
    kinds = [("str", text, False), ("int", whole, False), ("float", real, False), ("float", maybe, True)]
    columns += [Column(part, sql_type(kind), nullable=empty) for kind, names, empty in kinds for part in names.split()]
    indexes = [Index(f"{name}_one_{part.replace('+', '_')}", *part.split("+"), unique=True) for part in unique.split()]
    indexes += [Index(f"{name}_by_{part.replace('+', '_')}", *part.split("+")) for part in index.split()]
    # Numbers are never given twice on SQLite either: a token of somebody who was deleted must stay nobody's.
    only: dict[str, Any] = {"sqlite_autoincrement": True} if counts else {}
    return Table(name, METADATA, *columns, *indexes, *extra, sqlite_strict=True, **only)


def _one_of(table: str, column: str, *names: str) -> CheckConstraint:
    known = ", ".join(f"'{name}'" for name in names)
    return CheckConstraint(f"{column} IN ({known})", name=f"{table}_known_{column}")


USERS = _table(
    "users",
    "id:auto",
    _one_of("users", "tier", "FREE", "BASIC", "PREMIUM", "ENTERPRISE"),
    text="username email password_hash roles tier plan_status",
    whole="is_active session_version created_ns updated_ns",
    unique="username email",
)
# One row for each refresh token ever given; ``family`` joins those that replaced each other since one login.
REFRESH_TOKENS = _table(
    "refresh_tokens",
    "hash",
    text="family",
    whole="user_id session_version issued_ns expires_ns used_ns revoked_ns",
    index="family user_id",
)
LOGIN_THROTTLE = _table("login_throttle", "key", whole="failures until_ns updated_ns")
AGENTS = _table(
    "agents",
    "number:auto",
    _one_of("agents", "face", "agent", "live_strategy", "session", "manual"),
    text="id face name status spec_json face_json run_id message",
    whole="user_id version is_active created_ns updated_ns deleted_ns",
    unique="id",
    index="user_id+face run_id",
)
AGENT_VERSIONS = _table("agent_versions", "agent_id version:int", text="spec_json hash", whole="created_ns used_ns")
# ``slot`` is the place a run takes of its owner's tier, -1 when it is over: two runs cannot have one place.
RUN_OWNERS = _table(
    "run_owners",
    "run_id",
    _one_of("run_owners", "wanted", "RUN", "PAUSE", "STOP"),
    text="agent_id face mode wanted status message",
    whole="user_id agent_version slot started_ns ended_ns updated_ns",
    index="user_id+started_ns wanted",
)
_TAKEN = RUN_OWNERS.c.slot >= literal_column("0")
Index(
    "run_owners_one_slot",
    RUN_OWNERS.c.user_id,
    RUN_OWNERS.c.slot,
    unique=True,
    sqlite_where=_TAKEN,
    postgresql_where=_TAKEN,
)
IDEMPOTENCY = _table(
    "idempotency", "user_id:int key", text="route body_hash answer_json", whole="status_code at_ns", index="at_ns"
)
USER_SETTINGS = _table("user_settings", "user_id:int name", text="body_json", whole="updated_ns")
SESSION_SETTINGS = _table(
    "trading_session_settings", "agent_id", text="body_json", whole="user_id created_ns updated_ns", index="user_id"
)
CUSTOM_STRATEGIES = _table(
    "custom_strategies",
    "id:auto",
    text="name description buy_conditions_json sell_conditions_json avatar",
    whole="user_id is_active is_public created_ns updated_ns",
    unique="user_id+name",
    index="is_public",
)
USER_STRATEGIES = _table(
    "user_strategies",
    "id:auto",
    text="name description strategy_type config_json backtest_results_json",
    whole="user_id is_active is_public created_ns updated_ns",
    unique="user_id+name",
    index="is_public+strategy_type",
)
STRATEGY_PERFORMANCE = _table(
    "strategy_performance",
    "id:auto",
    text=(
        "strategy_name strategy_type strategy_id execution_type session_id run_id job_id symbols_json start_date "
        "end_date config_json trades_data_json portfolio_history_json"
    ),
    whole="user_id total_trades winning_trades losing_trades created_ns deleted_ns",
    real="initial_capital final_capital total_return_pct",
    maybe=(
        "win_rate_pct max_drawdown_pct sharpe_ratio sortino_ratio average_win average_loss profit_factor largest_win "
        "largest_loss average_duration_hours volatility_pct beta alpha"
    ),
    index="user_id+created_ns user_id+strategy_name",
)
# A run leaves one record, however many ask for it at once; backtests have none of a run.
_OF_RUN = STRATEGY_PERFORMANCE.c.run_id != literal_column("''")
Index(
    "strategy_performance_one_run",
    STRATEGY_PERFORMANCE.c.run_id,
    unique=True,
    sqlite_where=_OF_RUN,
    postgresql_where=_OF_RUN,
)
JOBS = _table(
    "jobs",
    "id",
    _one_of("jobs", "status", "QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"),
    text="kind status body_json body_hash message result_json owner",
    whole="user_id performance_id is_cancelled bars created_ns started_ns ended_ns beat_ns",
    real="progress_ratio",
    index="user_id+created_ns status",
)
WEBHOOKS = _table(
    "webhooks",
    "id:auto",
    text="url secret_sealed events description",
    whole="user_id is_active failures created_ns updated_ns",
    index="user_id",
)
DELIVERIES = _table(
    "deliveries",
    "id:auto",
    _one_of("deliveries", "status", "PENDING", "SUCCESS", "FAILED"),
    text="channel target event key body_json status error",
    whole="user_id attempts response_code next_ns created_ns done_ns",
    unique="channel+target+key",
    index="status+next_ns user_id+created_ns",
)
NOTIFICATIONS = _table(
    "notifications",
    "id:auto",
    text="key kind priority title text link data_json run_id",
    whole="user_id created_ns read_ns",
    unique="user_id+key",
    index="user_id+created_ns",
)
AUDIT_LOG = _table(
    "audit_log",
    "id:auto",
    text="actor action object detail_json address request_id prev_hash hash",
    whole="user_id at_ns",
    unique="prev_hash",
    index="user_id+at_ns",
)
# What people asked for beside what the core needs of an order: their notes, and trades entered after the fact.
TRADE_LOGS = _table(
    "trade_logs",
    "order_id",
    text="run_id symbol side outcome source features_json notes model_version",
    whole="user_id created_ns submitted_ns entered_ns exited_ns is_backfill",
    real="quantity",
    maybe="entry_price stop_price target_price exit_price pnl_usd r_multiple model_score_ratio",
    index="user_id+created_ns run_id",
)
SIGNAL_REQUESTS = _table(
    "signal_requests",
    "id",
    text="run_id symbol signal_type status reason client_id body_json",
    whole="user_id at_ns",
    index="user_id+at_ns",
)
