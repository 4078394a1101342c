"""What backtests answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from tidemill.web.wishes import CAMEL_OUT

__all__ = [
    "CompareOut",
    "ComparedOut",
    "DataSetsOut",
    "EquityPointOut",
    "HealthOut",
    "JobOut",
    "JobsOut",
    "KnownStrategiesOut",
    "KnownStrategyOut",
    "ParameterOut",
    "ProgressOut",
    "ResultOut",
    "TradeLineOut",
]

_Status = Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"]


class TradeLineOut(BaseModel):
    """One fill."""

    timestamp: str
    symbol: str
    action: str
    quantity: float
    price: float
    fee: float
    pnl: float | None = Field(description="Of a fill that reduces a position; null for one that opens.")
    reason: str


class EquityPointOut(BaseModel):
    """What the account was worth at the end of a day."""

    date: str
    value: float


class ResultOut(BaseModel):
    """Figures of a backtest. Rates are ratios 0 to 1, money is in the account's currency."""

    model_config = CAMEL_OUT

    success: bool = True
    job_id: str
    performance_id: int
    strategy: str
    strategy_type: str
    symbols: list[str]
    start_date: str
    end_date: str
    initial_capital: float
    final_value: float
    total_return: float | None
    win_rate: float | None = Field(description="0 to 1; null without trades.")
    max_drawdown: float = Field(description="Deepest fall from the highest value so far, 0 to 1.")
    sharpe_ratio: float | None
    total_trades: int = Field(description="Round trips.")
    total_fills: int
    trades: list[TradeLineOut] = Field(description="The newest 1000 fills, oldest first; /result has all.")
    portfolio_history: list[EquityPointOut]
    bars: int
    feed: str = Field(description="sample, files, or SIMULATED.")
    warnings: list[str]
    assumptions: list[str]
    is_prefix_invariant: bool | None = Field(description="Whether the strategy was shown not to look ahead.")


class JobOut(BaseModel):
    """A backtest as a job."""

    model_config = CAMEL_OUT

    id: str
    status: _Status
    progress: float = Field(description="0 to 1.")
    message: str
    strategy: str
    symbols: list[str]
    start_date: str | None
    end_date: str | None
    initial_capital: float
    feed: str
    bars: int
    body_hash: str = Field(description="The same for two jobs that ask for the same.")
    performance_id: int | None
    created_at: str
    started_at: str | None
    ended_at: str | None


class ProgressOut(BaseModel):
    """How far a job is."""

    id: str
    status: _Status
    progress: float
    message: str


class JobsOut(BaseModel):
    """Jobs, newest first."""

    backtests: list[JobOut]


class ComparedOut(BaseModel):
    """One of several backtests side by side; rates are ratios."""

    model_config = CAMEL_OUT

    job_id: str
    strategy: str
    symbols: list[str]
    start_date: str
    end_date: str
    initial_capital: float
    final_value: float
    total_return: float | None
    win_rate: float | None
    max_drawdown: float
    sharpe_ratio: float | None
    total_trades: int
    feed: str
    is_same_span: bool = Field(description="Whether it covers the days and symbols of the first.")


class CompareOut(BaseModel):
    """Backtests side by side, in the order asked for."""

    backtests: list[ComparedOut]


class HealthOut(BaseModel):
    """How the service of backtests fares."""

    status: str
    workers: int
    queued: int
    running: int
    timestamp: str


class ParameterOut(BaseModel):
    """A parameter of a strategy."""

    name: str
    default: float | str
    minimum: float | None
    maximum: float | None
    options: list[str]
    unit: str
    description: str


class KnownStrategyOut(BaseModel):
    """A strategy that can be tested."""

    name: str
    title: str
    is_available: bool
    message: str = Field(description="Why not, when it is not available.")
    parameters: list[ParameterOut]


class KnownStrategiesOut(BaseModel):
    """Every strategy there is a name for."""

    strategies: list[KnownStrategyOut]


class DataSetsOut(BaseModel):
    """What a backtest may be run on."""

    data_sets: list[str]
    is_sample_available: bool
    synthetic: str
