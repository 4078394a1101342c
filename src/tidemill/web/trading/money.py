"""Results of one's desk: today, in all, day by day, what is open, and the money."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from tidemill.model.people import Role, UserScope
from tidemill.services.manual.results import DayResult
from tidemill.web.access import Scope, rule
from tidemill.web.parts import Parts, parts_of
from tidemill.web.times import iso_utc

__all__ = ["pnl_router", "router"]

pnl_router = APIRouter()
router = APIRouter()


class DayOut(BaseModel):
    """One trading day: money in USD after fees."""

    date: date
    realized_pnl: float
    fees: float
    trades: int = Field(description="Round trips that ended.")
    winning_trades: int
    losing_trades: int


class DailyOut(BaseModel):
    """The trading day that is now."""

    date: date
    realized_pnl: float
    unrealized_pnl: float
    total_pnl: float = Field(description="Since the trading day began, open positions included; what the cap looks at.")
    fees: float
    trades: int
    winning_trades: int
    losing_trades: int
    trades_opened: int
    max_trades_per_day: int
    daily_loss_cap_usd: float
    loss_left_usd: float = Field(description="What may be lost before the cap halts.")
    halted: bool
    equity: float
    account: str | None


class SummaryOut(BaseModel):
    """Everything since the desk's first use."""

    realized_pnl: float
    unrealized_pnl: float
    total_pnl: float
    fees: float
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate_pct: float | None
    profit_factor: float | None
    average_r: float | None
    best_trade: float
    worst_trade: float
    equity: float
    initial_capital: float


class HistoryOut(BaseModel):
    """Trading days on which something ended, oldest first."""

    days: list[DayOut]


class PositionOut(BaseModel):
    """One open position."""

    symbol: str
    quantity: float = Field(description="Negative: short.")
    side: str = Field(description="LONG or SHORT.")
    average_price: float
    current_price: float
    market_value: float
    unrealized_pnl: float
    unrealized_pnl_pct: float
    stop_price: float | None
    target_price: float | None
    opened_at: str | None
    run_id: str


class PositionsOut(BaseModel):
    """Open positions."""

    positions: list[PositionOut]
    unrealized_pnl: float


class PortfolioOut(BaseModel):
    """The desk's money."""

    account: str | None
    run_id: str | None
    mode: str
    cash: float
    equity: float
    buying_power: float
    exposure: float
    daily_pnl: float
    total_pnl: float
    drawdown_pct: float
    open_positions: int
    positions: list[PositionOut]
    updated_at: str


class StatsOut(BaseModel):
    """Counts of the desk, all its runs together."""

    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate_pct: float | None
    average_r: float | None
    total_pnl: float
    trades_today: int
    open_positions: int
    working_orders: int
    runs: int


def _positions(parts: Parts, scope: UserScope) -> list[PositionOut]:
    return [
        PositionOut(
            symbol=item.symbol,
            quantity=item.quantity,
            side="LONG" if item.quantity > 0.0 else "SHORT",
            average_price=item.average_price,
            current_price=item.market_price,
            market_value=item.market_value,
            unrealized_pnl=item.unrealised,
            unrealized_pnl_pct=item.unrealised_pct,
            stop_price=item.stop_price,
            target_price=item.target_price,
            opened_at=iso_utc(item.opened_ns) if item.opened_ns else None,
            run_id=item.run_id,
        )
        for item in parts.manual.results.positions(scope)
    ]


def _day(result: DayResult) -> DayOut:
    return DayOut(
        date=result.day,
        realized_pnl=result.realised,
        fees=result.fees,
        trades=result.trades,
        winning_trades=result.wins,
        losing_trades=result.losses,
    )


@pnl_router.get("/daily", **rule(Role.VIEWER, "self"))
def daily(request: Request, scope: Scope) -> DailyOut:
    """Return the result of the trading day that is now, and what the loss cap leaves."""
    parts = parts_of(request)
    manual = parts.manual
    with parts.database.snapshot():  # what is open and the money that counts it are of one moment
        desk, money = manual.results.portfolio(scope)
        own, today = manual.desks.guardrails(scope), _day(manual.results.day(scope))
        is_of_today = desk is not None and manual.results.is_of_today(scope, money.updated_ns)
        unrealised = round(sum(item.unrealized_pnl for item in _positions(parts, scope)), 2)
    total = money.daily_pnl
    here = {"system"} | ({f"run:{desk.run.run_id}", f"account:{desk.run.account}"} if desk is not None else set())
    return DailyOut(
        **today.model_dump(),
        unrealized_pnl=unrealised,
        total_pnl=total,
        trades_opened=money.trades_today if is_of_today else 0,
        max_trades_per_day=own.max_trades_per_day,
        daily_loss_cap_usd=own.daily_loss_cap_usd,
        loss_left_usd=round(max(own.daily_loss_cap_usd + min(total, 0.0), 0.0), 2),
        halted=any(item.scope in here for item in manual.stopping.standing(scope)),
        equity=money.equity,
        account=desk.run.account if desk is not None else None,
    )


@pnl_router.get("/summary", **rule(Role.VIEWER, "self"))
def summary(request: Request, scope: Scope) -> SummaryOut:
    """Return everything since the desk's first use."""
    parts = parts_of(request)
    manual = parts.manual
    with parts.database.snapshot():
        found, (_, money) = manual.results.summary(scope), manual.results.portfolio(scope)
    return SummaryOut(
        realized_pnl=found.realised,
        unrealized_pnl=found.unrealised,
        total_pnl=round(found.realised + found.unrealised, 2),
        fees=found.fees,
        total_trades=found.trades,
        winning_trades=found.wins,
        losing_trades=found.losses,
        win_rate_pct=found.win_rate_pct,
        profit_factor=found.profit_factor,
        average_r=found.average_r,
        best_trade=found.best,
        worst_trade=found.worst,
        equity=money.equity,
        initial_capital=manual.desks.initial_cash,
    )


@pnl_router.get("/history", **rule(Role.VIEWER, "self"))
def history(
    request: Request, scope: Scope, days: Annotated[int, Query(ge=1, le=3_660, description="Calendar days.")] = 30
) -> HistoryOut:
    """Return realised results by trading day."""
    return HistoryOut(days=[_day(item) for item in parts_of(request).manual.results.history(scope, days)])


@pnl_router.get("/positions", **rule(Role.VIEWER, "self"))
def open_results(request: Request, scope: Scope) -> PositionsOut:
    """Return open positions and what they have won or lost."""
    found = _positions(parts_of(request), scope)
    return PositionsOut(positions=found, unrealized_pnl=round(sum(item.unrealized_pnl for item in found), 2))


@router.get("/positions", **rule(Role.VIEWER, "self"))
def positions(request: Request, scope: Scope) -> PositionsOut:
    """Return open positions of one's desk."""
    return open_results(request, scope)


@router.get("/portfolio", **rule(Role.VIEWER, "self"))
def portfolio(request: Request, scope: Scope) -> PortfolioOut:
    """Return the money of one's desk; before its first use, what it will begin with."""
    parts = parts_of(request)
    with parts.database.snapshot():
        desk, money = parts.manual.results.portfolio(scope)
        found = _positions(parts, scope)
    return PortfolioOut(
        account=desk.run.account if desk is not None else None,
        run_id=desk.run.run_id if desk is not None else None,
        mode="PAPER",
        cash=money.cash,
        equity=money.equity,
        buying_power=money.buying_power,
        exposure=money.exposure,
        daily_pnl=money.daily_pnl,
        total_pnl=money.total_pnl,
        drawdown_pct=money.drawdown_pct,
        open_positions=len(found),
        positions=found,
        updated_at=iso_utc(money.updated_ns),
    )


@router.get("/stats", **rule(Role.VIEWER, "self"))
def stats(request: Request, scope: Scope) -> StatsOut:
    """Return counts of one's desk, all its runs together."""
    manual = parts_of(request).manual
    found, desk = manual.results.summary(scope), manual.desks.find(scope)
    return StatsOut(
        total_trades=found.trades,
        winning_trades=found.wins,
        losing_trades=found.losses,
        win_rate_pct=found.win_rate_pct,
        average_r=found.average_r,
        total_pnl=round(found.realised + found.unrealised, 2),
        trades_today=manual.results.day(scope).trades,
        open_positions=len(manual.results.positions(scope)),
        working_orders=len(manual.desks.working(desk.run)) if desk is not None else 0,
        runs=len(manual.desks.runs(scope)),
    )
