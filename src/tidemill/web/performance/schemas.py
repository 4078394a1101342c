"""What is said about performance. Rates are percent here, 0 to 100; money is in the account's currency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from tidemill.web.times import iso_utc

__all__ = [
    "AnalyticsOut",
    "GroupOut",
    "OverviewOut",
    "PerformanceListOut",
    "PerformanceOut",
    "RecordOut",
    "TotalsOut",
]


class RecordOut(BaseModel):
    """One record, without its trades."""

    id: int
    user_id: int
    strategy_name: str
    strategy_type: str
    strategy_id: str | None
    execution_type: str = Field(description="backtest or live.")
    session_id: int | None
    run_id: str | None
    job_id: str | None
    symbols: list[str]
    start_date: str
    end_date: str
    initial_capital: float
    final_capital: float
    total_return: float = Field(description="Percent of the initial capital.")
    win_rate: float | None = Field(description="Percent of the round trips; null without any.")
    total_trades: int
    winning_trades: int
    losing_trades: int
    max_drawdown: float | None = Field(description="Percent, the deepest fall from the highest value so far.")
    sharpe_ratio: float | None
    sortino_ratio: float | None
    average_win: float | None
    average_loss: float | None
    profit_factor: float | None
    largest_win: float | None
    largest_loss: float | None
    average_duration_hours: float | None
    volatility: float | None = Field(description="Percent a year.")
    beta: float | None
    alpha: float | None
    config: dict[str, Any]
    created_at: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RecordOut:
        """Return a record as services tell it."""
        return cls.model_validate(_told(values))


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **values,
        "strategy_id": values["strategy_id"] or None,
        "session_id": int(values["session_id"]) if values["session_id"] else None,
        "run_id": values["run_id"] or None,
        "job_id": values["job_id"] or None,
        "total_return": values["total_return_pct"],
        "win_rate": values["win_rate_pct"],
        "max_drawdown": values["max_drawdown_pct"],
        "volatility": values["volatility_pct"],
        "created_at": iso_utc(values["created_ns"]),
    }


class PerformanceOut(RecordOut):
    """One record with its trades and its history, at most the newest 1000 trades."""

    trades_data: list[dict[str, Any]]
    portfolio_history: list[dict[str, Any]]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> PerformanceOut:
        """Return a record as services tell it."""
        return cls.model_validate(_told(values))


class TotalsOut(BaseModel):
    """What records add up to."""

    total_records: int
    backtests: int
    live: int
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float | None = Field(description="Percent of all round trips.")
    average_return: float | None = Field(description="Percent, the mean of the records.")
    average_sharpe_ratio: float | None
    worst_drawdown: float | None
    total_pnl: float
    best_id: int | None
    worst_id: int | None


class OverviewOut(BaseModel):
    """The newest records, and what they add up to."""

    performances: list[RecordOut]
    summary: TotalsOut


class PerformanceListOut(BaseModel):
    """Records, newest first."""

    performances: list[RecordOut]
    summary: TotalsOut


class GroupOut(TotalsOut):
    """What the records of one name add up to."""

    name: str


class AnalyticsOut(BaseModel):
    """What records of a stretch of time add up to."""

    timeframe: str
    since: str
    summary: TotalsOut
    by_strategy: list[GroupOut]
    by_execution_type: list[GroupOut]
    by_day: list[GroupOut]
