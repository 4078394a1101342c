"""Read tables: what pages, exports and alerts look at; made from the tape, and made again from it at any time.

Every table is keyed by run and natural key and holds whole rows: a row that is written replaces the one of its key.
Units: ``_micros`` money, ``_ns`` UTC nanoseconds, ``_pct`` 0 to 100, ``_ratio`` 0 to 1; quantities and prices are
decimal text; ``*_json`` is JSON text.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from tidemill.adapters.sql.tables import METADATA, sql_type

__all__ = ["READ_TABLES", "key_of"]


def _read_table(name: str, key: str, *, text: str = "", whole: str = "", real: str = "", index: str = "") -> Table:
    """Return a read table; ``key`` lists ``name:type`` after the run, the rest are names of optional columns."""
    keys = [part.partition(":") for part in key.split()]
    kinds = [("str", text), ("int", whole), ("float", real)]
    return Table(
        name,
        METADATA,
        Column("run_id", sql_type("str"), primary_key=True),
        *(Column(part, sql_type(kind or "str"), primary_key=True, autoincrement=False) for part, _, kind in keys),
        *(Column(part, sql_type(kind), nullable=True) for kind, names in kinds for part in names.split()),
        *([Index(f"{name}_by_{index}", "run_id", index)] if index else []),
        sqlite_strict=True,
    )


POSITIONS = _read_table(
    "positions",
    "strategy symbol",
    text="account quantity average_price market_price stop_price target_price protected_quantity",
    whole=(
        "market_value_micros cost_micros unrealised_pnl_micros realised_pnl_micros fees_micros opened_ns updated_ns"
    ),
    real="unrealised_pnl_pct",
)
PORTFOLIO_STATE = _read_table(
    "portfolio_state",
    "account",
    text="positions_json",
    whole=(
        "cash_micros equity_micros daily_pnl_micros total_pnl_micros open_trades exposure_micros buying_power_micros "
        "trades_today signals_today updated_ns"
    ),
    real="daily_pnl_pct exposure_pct drawdown_pct",
)
PORTFOLIO_SNAPSHOTS = _read_table(
    "portfolio_snapshots",
    "at_ns:int",
    text="mode positions_json",
    whole="equity_micros cash_micros exposure_micros daily_pnl_micros",
)
ROUND_TRIPS = _read_table(
    "round_trips",
    "number:int",
    text=(
        "account strategy symbol side status quantity entry_price exit_price stop_price target_price entry_order "
        "exit_order entry_reason exit_reason outcome pattern high_water low_water trailing_stop source "
        "recommendation_id model_version features_json notes"
    ),
    whole=(
        "submitted_ns entered_ns exited_ns updated_ns pnl_micros fees_micros risk_micros mae_micros mfe_micros bars "
        "trailing_active is_backfill"
    ),
    real="pnl_pct r_multiple confidence_pct score_ratio trailing_pct",
    index="exited_ns",
)
SIGNALS = _read_table(
    "signals",
    "number:int",
    text="strategy symbol kind side status pattern price volume refusal client_id execution_price error features_json",
    whole="at_ns updated_ns executed execution_ns",
    real="strength",
    index="at_ns",
)
ACTIVITY_LOG = _read_table(
    "activity_log", "number:int", text="kind strategy symbol text data_json", whole="at_ns", index="at_ns"
)
# After each round trip (basis "trip", mark: its number) and each trading day (basis "day", mark: days since 1970).
RISK_METRICS = _read_table(
    "risk_metrics",
    "basis mark:int",
    whole=(
        "at_ns equity_micros exposure_micros daily_pnl_micros cumulative_pnl_micros max_drawdown_micros trades "
        "winning_trades losing_trades average_win_micros average_loss_micros"
    ),
    real="max_drawdown_pct sharpe_ratio win_rate_pct profit_factor",
)

READ_TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ACTIVITY_LOG,
        PORTFOLIO_SNAPSHOTS,
        PORTFOLIO_STATE,
        POSITIONS,
        RISK_METRICS,
        ROUND_TRIPS,
        SIGNALS,
    )
}


def key_of(table: Table) -> tuple[str, ...]:
    """Return the key columns of a read table, ``run_id`` first: the order of ``ProjectionRow.key``."""
    return tuple(column.name for column in table.primary_key.columns)
