"""The tables the sources name and we keep otherwise, as views: for people with a SQL prompt, and nobody else.

Times are ISO texts in UTC, money and prices are numbers, lists and objects are JSON text. Rows of everybody are in
them; whoever may read the database may read all of it. Our own connections trust no function that a file brings along,
so some of these are for other programs only (https://www.sqlite.org/pragma.html#pragma_trusted_schema).
"""

# ruff: noqa: S608 - every word in these texts is ours

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import DDL, event

from tidemill.adapters.sql.tables import METADATA

__all__ = ["VIEWS", "view_sql"]


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a database writes what every view needs."""

    time: Callable[[str], str]
    number: Callable[[str], str]
    face: Callable[[str], str]
    spec: Callable[[str], str]

    def money(self, column: str) -> str:
        """Return micros as a number of the currency."""
        return f"({column} / 1000000.0)"


_DIALECTS = {
    "sqlite": _Dialect(
        lambda column: f"strftime('%Y-%m-%dT%H:%M:%fZ', NULLIF({column}, 0) / 1000000 / 1000.0, 'unixepoch')",
        lambda column: f"CAST(NULLIF({column}, '') AS REAL)",
        lambda name: f"json_extract(a.face_json, '$.face.{name}')",
        lambda name: f"json_extract(a.spec_json, '$.{name}')",
    ),
    "postgresql": _Dialect(
        lambda column: (
            f"to_char(to_timestamp(NULLIF({column}, 0) / 1000000 / 1000.0) AT TIME ZONE 'UTC', "
            '\'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\')'
        ),
        lambda column: f"CAST(NULLIF({column}, '') AS DOUBLE PRECISION)",
        lambda name: f"(CAST(a.face_json AS JSON) #>> '{{face,{name}}}')",
        lambda name: f"(CAST(a.spec_json AS JSON) #>> '{{{name.replace('.', ',')}}}')",
    ),
}
_OWNED = "JOIN run_owners o ON o.run_id = {0}.run_id JOIN agents a ON a.id = o.agent_id"


def _trading_agents(d: _Dialect) -> str:
    faces = ("account_id", "timeframe", "strategies", "risk_limits")
    columns = ", ".join(f"{d.face(name)} AS {name}" for name in faces)
    return (
        f"SELECT a.id, a.user_id, a.name, {columns}, a.is_active AS active, {d.time('a.created_ns')} AS created_at, "
        f"{d.time('a.updated_ns')} AS updated_at FROM agents a WHERE a.face = 'agent' AND a.deleted_ns = 0"
    )


def _live_strategies(d: _Dialect) -> str:
    faces = ("check_interval", "auto_execute", "max_position_size", "max_positions", "daily_loss_limit")
    columns = ", ".join(f"{d.face(name)} AS {name}" for name in (*faces, "position_size_pct"))
    status = (
        "CASE o.status WHEN 'STARTING' THEN 'ACTIVE' WHEN 'RUNNING' THEN 'ACTIVE' WHEN 'PAUSED' THEN 'PAUSED' "
        "WHEN 'ERROR' THEN 'ERROR' ELSE 'STOPPED' END"
    )
    count = "(SELECT COUNT(*) FROM signals s WHERE s.run_id = a.run_id{0})"
    return (
        f"SELECT a.number AS id, a.user_id, {d.face('strategy_id')} AS strategy_id, a.name, "
        f"{d.face('symbols')} AS symbols, {status} AS status, {columns}, {count.format('')} AS total_signals, "
        f"{count.format(' AND s.executed = 1')} AS executed_trades, {d.money('p.daily_pnl_micros')} AS daily_pnl, "
        f"{d.money('p.total_pnl_micros')} AS total_pnl, {d.time('p.updated_ns')} AS last_check, "
        f"{d.time('(SELECT MAX(s.at_ns) FROM signals s WHERE s.run_id = a.run_id)')} AS last_signal, "
        f"p.positions_json AS state, o.message AS error_message, {d.time('a.created_ns')} AS created_at "
        "FROM agents a LEFT JOIN run_owners o ON o.run_id = a.run_id "
        "LEFT JOIN portfolio_state p ON p.run_id = a.run_id WHERE a.face = 'live_strategy' AND a.deleted_ns = 0"
    )


def _signal_history(d: _Dialect) -> str:
    return (
        "SELECT s.run_id, s.number, a.number AS live_strategy_id, s.symbol, s.side AS signal_type, s.strength, "
        f"{d.number('s.price')} AS price, {d.number('s.volume')} AS volume, s.features_json AS indicators, s.executed, "
        f"{d.number('s.execution_price')} AS execution_price, {d.time('s.execution_ns')} AS execution_time, "
        f"s.error AS execution_error, s.client_id AS order_id, {d.time('s.at_ns')} AS timestamp "
        f"FROM signals s {_OWNED.format('s')} WHERE o.face = 'live_strategy'"
    )


def _live_signals(d: _Dialect) -> str:
    status = "CASE s.status WHEN 'EXECUTED' THEN 'EXECUTED' WHEN 'ORDERED' THEN 'DETECTED' ELSE 'REJECTED' END"
    return (
        "SELECT s.run_id, s.number AS id, o.agent_id, s.symbol AS ticker, COALESCE(s.pattern, s.strategy) AS "
        f"pattern_type, {d.time('s.at_ns')} AS detection_time, s.features_json AS signal_data, {status} AS status, "
        f"{d.time('s.at_ns')} AS created_at, {d.time('s.updated_ns')} AS updated_at "
        f"FROM signals s {_OWNED.format('s')} WHERE o.face = 'agent'"
    )


def _executed_trades(d: _Dialect) -> str:
    prices = ("entry_price", "exit_price")
    numbers = ", ".join(f"{d.number(f't.{name}')} AS {name}" for name in prices)
    return (
        "SELECT t.run_id, t.number AS id, o.agent_id, t.recommendation_id, t.symbol AS ticker, t.side, "
        f"{d.time('t.entered_ns')} AS entry_time, {numbers}, {d.number('t.quantity')} AS position_size, "
        f"{d.time('t.exited_ns')} AS exit_time, {d.money('t.pnl_micros')} AS pnl, t.pnl_pct AS pnl_percent, "
        f"{d.number('t.stop_price')} AS stop_loss, {d.number('t.target_price')} AS take_profit, t.exit_reason, "
        "t.status, COALESCE(t.pattern, t.strategy) AS pattern_type, t.confidence_pct AS confidence_score, t.notes, "
        f"{d.time('t.entered_ns')} AS created_at, {d.time('t.updated_ns')} AS updated_at "
        f"FROM round_trips t {_OWNED.format('t')} WHERE o.face = 'agent'"
    )


def _tradestation_orders(d: _Dialect) -> str:
    return (
        "SELECT r.client_id AS id, o.agent_id, r.client_id AS order_id, r.symbol AS ticker, r.side, "
        f"r.type AS order_type, {d.number('r.quantity')} AS quantity, {d.number('r.limit_price')} AS limit_price, "
        f"{d.number('r.stop_price')} AS stop_price, r.state AS status, {d.number('r.filled')} AS filled_quantity, "
        f"{d.number('r.average_price')} AS avg_fill_price, {d.time('r.created_ns')} AS submitted_at, "
        f"CASE r.state WHEN 'FILLED' THEN {d.time('r.updated_ns')} END AS filled_at, r.text AS error_message, "
        f"{d.time('r.created_ns')} AS created_at, {d.time('r.updated_ns')} AS updated_at "
        f"FROM orders r {_OWNED.format('r')} WHERE o.face = 'agent'"
    )


def _agent_activity_log(d: _Dialect) -> str:
    return (
        "SELECT l.run_id, l.number AS id, o.agent_id, l.kind AS activity_type, l.symbol AS ticker, "
        f"l.text AS description, l.data_json AS data, {d.time('l.at_ns')} AS timestamp "
        f"FROM activity_log l {_OWNED.format('l')}"
    )


def _trading_sessions(d: _Dialect) -> str:
    newest = "(SELECT {0} FROM risk_metrics m WHERE m.run_id = o.run_id ORDER BY m.at_ns DESC, m.mark DESC LIMIT 1)"
    status = "CASE o.status WHEN 'STARTING' THEN 'ACTIVE' WHEN 'RUNNING' THEN 'ACTIVE' ELSE o.status END"
    return (
        f"SELECT a.number AS id, o.user_id, {d.time('o.started_ns')} AS start_time, {d.time('o.ended_ns')} AS "
        f"end_time, UPPER(o.mode) AS mode, {d.spec('run.cash')} AS initial_cash, "
        f"CASE WHEN o.slot < 0 THEN {d.money('p.cash_micros')} END AS final_cash, "
        f"COALESCE({newest.format('m.trades')}, 0) AS total_trades, "
        f"COALESCE({newest.format('m.winning_trades')}, 0) AS winning_trades, "
        f"{d.money('p.total_pnl_micros')} AS total_pnl, {status} AS status, {d.time('a.created_ns')} AS created_at "
        "FROM run_owners o JOIN agents a ON a.id = o.agent_id LEFT JOIN portfolio_state p ON p.run_id = o.run_id "
        "WHERE o.face = 'session'"
    )


def _trades(d: _Dialect) -> str:
    pnl = "(SELECT t.pnl_micros FROM round_trips t WHERE t.run_id = f.run_id AND t.exit_order = f.client_id LIMIT 1)"
    return (
        f"SELECT f.exec_id AS id, o.user_id, f.symbol, f.side AS action, {d.number('f.quantity')} AS quantity, "
        f"{d.number('f.price')} AS price, {d.time('f.ts_ns')} AS timestamp, f.strategy, UPPER(o.mode) AS mode, "
        f"{d.money(pnl)} AS pnl, {d.time('f.ts_ns')} AS created_at FROM fills f {_OWNED.format('f')}"
    )


VIEWS: dict[str, Callable[[_Dialect], str]] = {
    "agent_activity_log": _agent_activity_log,
    "executed_trades": _executed_trades,
    "live_signals": _live_signals,
    "live_strategies": _live_strategies,
    "signal_history": _signal_history,
    "trades": _trades,
    "trading_agents": _trading_agents,
    "trading_sessions": _trading_sessions,
    "tradestation_orders": _tradestation_orders,
}


def view_sql(name: str, database: str) -> str:
    """Return the statement that makes a view.

    Args:
        name: one of ``VIEWS``. database: ``sqlite`` or ``postgresql``.
    """
    return f"CREATE VIEW {name} AS {VIEWS[name](_DIALECTS[database])}"


def _follow_tables() -> None:
    """Make the views whenever all tables are made."""
    for database in _DIALECTS:
        for name in VIEWS:
            statement = DDL(view_sql(name, database).replace("%", "%%"))  # type: ignore[no-untyped-call]  # it formats
            event.listen(METADATA, "after_create", statement.execute_if(dialect=database))


_follow_tables()
