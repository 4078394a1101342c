"""From what services tell about an agent's run to what is answered."""

from __future__ import annotations

import json

from tidemill.services.fleet.facts import Portfolio, PositionFact, Row
from tidemill.web.agents.schemas import ActivityRow, HoldingOut, PortfolioOut
from tidemill.web.times import iso_utc

__all__ = ["activity_row", "portfolio_out"]

# What the log of a run calls it, and the documented name.
_ACTIVITIES = {
    "ORDER": "ORDER_PLACED",
    "FILL": "ORDER_FILLED",
    "TRIP": "POSITION_CLOSED",
    "REFUSED": "SIGNAL_REJECTED",
    "HALTED": "RISK_LIMIT_HIT",
    "RESUMED": "TRADING_RESUMED",
    "REJECTED": "ORDER_REJECTED",
    "CANCELED": "ORDER_CANCELLED",
    "EXPIRED": "ORDER_EXPIRED",
}


def portfolio_out(money: Portfolio, positions: list[PositionFact]) -> PortfolioOut:
    """Return the money of a run; positions of one symbol under several strategies are one."""
    held: dict[str, HoldingOut] = {}
    for item in positions:
        before = held.get(item.symbol)
        shares = item.quantity + (before.shares if before else 0.0)
        value = item.quantity * item.average_price + (before.shares * before.avg_price if before else 0.0)
        held[item.symbol] = HoldingOut(
            shares=shares,
            avg_price=value / shares if shares else 0.0,
            current_price=item.market_price,
            pnl=item.unrealised + (before.pnl if before else 0.0),
        )
    return PortfolioOut(
        cash=money.cash,
        positions=held,
        total_equity=money.equity,
        daily_pnl=money.daily_pnl,
        daily_pnl_percent=money.daily_pnl_pct,
        total_pnl=money.total_pnl,
        open_trade_count=money.open_trades,
        total_exposure=money.exposure,
        last_updated=iso_utc(money.updated_ns),
    )


def activity_row(row: Row) -> ActivityRow:
    """Return one line of a run's log."""
    kind: str = row["kind"]
    return ActivityRow(
        id=f"{row['run_id']}-{row['number']}",
        activity_type=_ACTIVITIES.get(kind, kind),
        ticker=row["symbol"] or None,
        description=row["text"] or "",
        data=json.loads(row["data_json"] or "{}"),
        timestamp=iso_utc(row["at_ns"] or 0),
    )
