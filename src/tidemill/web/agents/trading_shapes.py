"""Rows of the record as the agents' face tells them."""

from __future__ import annotations

from tidemill.services.fleet.approving import Waiting
from tidemill.services.fleet.facts import Row, number, usd
from tidemill.web.agents.trading_schemas import MetricsRow, OrderOut, RecommendationOut, SignalOut, TradeOut
from tidemill.web.times import iso_utc

__all__ = ["metrics_row", "order_out", "recommendation_out", "signal_out", "trade_out", "waiting_out"]

_SIGNAL_STATES = {"ORDERED": "DETECTED", "EXECUTED": "EXECUTED", "REFUSED": "REJECTED", "EXPIRED": "EXPIRED"}
_EXIT_REASONS = {
    "STOP_LOSS": "STOP_HIT",
    "TAKE_PROFIT": "TARGET_HIT",
    "MANUAL": "MANUAL_EXIT",
    "TIME": "TIME_EXIT",
    "MAX_BARS": "TIME_EXIT",
    "SESSION_END": "TIME_EXIT",
}


def _when(ts_ns: int | None) -> str | None:
    return iso_utc(ts_ns) if ts_ns else None


def order_out(row: Row, agent_id: str) -> OrderOut:
    """Return an order of the record."""
    return OrderOut(
        order_id=row["client_id"],
        agent_id=agent_id,
        symbol=row["symbol"],
        side=row["side"],
        order_type=row["type"],
        quantity=number(row["quantity"]) or 0.0,
        limit_price=number(row["limit_price"]),
        stop_price=number(row["stop_price"]),
        status=row["state"],
        filled_quantity=number(row["filled"]) or 0.0,
        average_fill_price=number(row["average_price"]),
        submitted_at=iso_utc(row["created_ns"]),
        updated_at=iso_utc(row["updated_ns"]),
        intent=row["intent"],
        reason=row["reason"],
        message=row["text"],
    )


def signal_out(row: Row, agent_id: str) -> SignalOut:
    """Return a signal of the read table."""
    return SignalOut(
        id=f"{row['run_id']}-{row['number']}",
        agent_id=agent_id,
        ticker=row["symbol"] or "",
        pattern_type=row["pattern"] or row["strategy"] or "",
        side=row["side"] or "",
        price=number(row["price"]),
        detection_time=iso_utc(row["at_ns"] or 0),
        status=_SIGNAL_STATES.get(row["status"], "REJECTED"),
        reason=row["error"] or "",
    )


def recommendation_out(row: Row, agent_id: str) -> RecommendationOut:
    """Return an entry of the read table as a recommendation that was followed, or refused."""
    return RecommendationOut(
        id=f"{row['run_id']}-{row['number']}",
        agent_id=agent_id,
        ticker=row["symbol"] or "",
        side="LONG" if row["side"] == "BUY" else "SHORT",
        entry_price=number(row["price"]),
        position_size=number(row["volume"]),
        stop_loss=None,
        take_profit=None,
        confidence_score=row["strength"] * 100.0 if row["strength"] is not None else None,
        reasoning=row["error"] or "",
        status=row["status"] or "",
        order_id=row["client_id"] or None,
        created_at=iso_utc(row["at_ns"] or 0),
        expires_at=None,
    )


def waiting_out(item: Waiting, agent_id: str) -> RecommendationOut:
    """Return a proposal that waits for a person."""
    return RecommendationOut(
        id=item.id,
        agent_id=agent_id,
        ticker=item.symbol,
        side="LONG" if item.side == "BUY" else "SHORT",
        entry_price=item.price,
        position_size=item.quantity,
        stop_loss=item.stop_loss or None,
        take_profit=item.take_profit or None,
        confidence_score=item.confidence or None,
        reasoning="Waits for approval.",
        status="PENDING",
        order_id=None,
        created_at=iso_utc(item.at_ns),
        expires_at=iso_utc(item.until_ns),
    )


def trade_out(row: Row, agent_id: str) -> TradeOut:
    """Return a round trip of the read table."""
    return TradeOut(
        id=f"{row['run_id']}-{row['number']}",
        agent_id=agent_id,
        ticker=row["symbol"] or "",
        side=row["side"] or "",
        entry_time=_when(row["entered_ns"]),
        entry_price=number(row["entry_price"]),
        position_size=number(row["quantity"]),
        exit_time=_when(row["exited_ns"]),
        exit_price=number(row["exit_price"]),
        pnl=usd(row["pnl_micros"]),
        pnl_percent=round(row["pnl_pct"] or 0.0, 4),
        stop_loss=number(row["stop_price"]),
        take_profit=number(row["target_price"]),
        exit_reason=_EXIT_REASONS.get(row["exit_reason"] or "", row["exit_reason"] or None),
        status=row["status"] or "",
        pattern_type=row["pattern"] or row["strategy"] or "",
    )


def metrics_row(row: Row) -> MetricsRow:
    """Return figures of the read table."""
    return MetricsRow(
        metric_date=iso_utc(row["at_ns"] or 0),
        total_exposure=usd(row["exposure_micros"]),
        daily_pnl=usd(row["daily_pnl_micros"]),
        cumulative_pnl=usd(row["cumulative_pnl_micros"]),
        max_drawdown=usd(row["max_drawdown_micros"]),
        sharpe_ratio=row["sharpe_ratio"],
        total_trades=row["trades"] or 0,
        winning_trades=row["winning_trades"] or 0,
        losing_trades=row["losing_trades"] or 0,
        win_rate=row["win_rate_pct"],
        avg_win=usd(row["average_win_micros"]),
        avg_loss=usd(row["average_loss_micros"]),
        profit_factor=row["profit_factor"],
    )
