"""What is said about live strategies."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tidemill.web.wishes import Cash, ExpectedIn, FeedWish, Interval, Name, Params, Symbols

__all__ = [
    "ControlResponse",
    "DashboardResponse",
    "DashboardSummary",
    "LiveStrategyCreate",
    "LiveStrategyResponse",
    "LiveStrategyStatusResponse",
    "LiveStrategyUpdate",
    "PositionResponse",
    "SignalHistoryResponse",
    "StartStrategyRequest",
]

_StrategyId = Annotated[int, Field(ge=1, lt=1 << 63)] | Annotated[str, Field(min_length=1, max_length=100)]
_Seconds = Annotated[int, Field(ge=60, le=3_600, description="Seconds between two looks.")]
_Dollars = Annotated[float, Field(gt=0.0, le=1e12)]
_Share = Annotated[float, Field(ge=0.001, le=0.5, description="Share of equity of a position: 0.02 is 2 percent.")]


class LiveStrategyCreate(ExpectedIn):
    """A live strategy to be made; it is STOPPED until it is started."""

    name: Name = Field(examples=["My First Auto Strategy"])
    strategy_id: _StrategyId = Field(
        description="Number of a strategy of one's own or a public one, of a shipped one, or a name.", examples=[1]
    )
    symbols: Symbols = Field(examples=[["AAPL", "MSFT"]])
    check_interval: _Seconds = 300
    auto_execute: bool = False
    max_positions: int = Field(default=5, ge=1, le=20)
    max_position_size: _Dollars = 1_000.0
    daily_loss_limit: _Dollars = 500.0
    position_size_pct: _Share = 0.02
    feed: FeedWish = None
    interval: Interval = "1min"
    initial_cash: Cash = 100_000.0
    parameters: Params = Field(default_factory=dict)


class LiveStrategyUpdate(ExpectedIn):
    """What is to be different."""

    name: Name | None = None
    strategy_id: _StrategyId | None = None
    symbols: Symbols | None = None
    check_interval: _Seconds | None = None
    auto_execute: bool | None = None
    max_positions: int | None = Field(default=None, ge=1, le=20)
    max_position_size: _Dollars | None = None
    daily_loss_limit: _Dollars | None = None
    position_size_pct: _Share | None = None
    feed: FeedWish = None
    interval: Interval | None = None
    initial_cash: Cash | None = None
    parameters: Params | None = None


class StartStrategyRequest(ExpectedIn):
    """How it is started."""

    force: bool = Field(default=False, description="Begin a new run even if the last one could go on.")


class ControlResponse(BaseModel):
    """What was done."""

    success: bool
    message: str
    strategy_id: int


class PositionResponse(BaseModel):
    """One open position."""

    strategy_id: int
    strategy_name: str
    symbol: str
    quantity: float
    average_price: float
    current_price: float
    market_value: float
    unrealized_pnl: float
    unrealized_pnl_pct: float
    opened_at: str | None


class LiveStrategyResponse(BaseModel):
    """A live strategy, how it stands and what it has done."""

    id: int
    user_id: int
    strategy_id: int | str
    name: str
    symbols: list[str]
    status: str
    check_interval: int
    auto_execute: bool
    max_position_size: float
    max_positions: int
    daily_loss_limit: float
    position_size_pct: float
    total_signals: int
    executed_trades: int
    current_positions: int
    daily_pnl: float
    total_pnl: float
    win_rate: float | None = Field(description="Share of round trips that won, 0 to 1; null before the first.")
    last_check: str | None
    last_signal: str | None
    state: dict[str, Any]
    error_message: str | None
    started_at: str | None
    stopped_at: str | None
    created_at: str
    updated_at: str
    run_id: str | None
    feed: str


class SignalHistoryResponse(BaseModel):
    """One signal."""

    id: str
    live_strategy_id: int
    symbol: str
    signal_type: str
    strength: float | None = Field(description="0 to 1; null where the strategy states none.")
    price: float | None
    volume: float | None
    indicators: dict[str, Any]
    executed: bool
    execution_price: float | None
    execution_time: str | None
    execution_error: str | None = Field(description="Why it was not executed.")
    order_id: str | None
    timestamp: str


class LiveStrategyStatusResponse(BaseModel):
    """A live strategy with its last signals."""

    strategy: LiveStrategyResponse
    recent_signals: list[SignalHistoryResponse]
    is_running: bool


class DashboardSummary(BaseModel):
    """Totals over all of one's live strategies."""

    active_strategies: int
    total_strategies: int
    signals_today: int
    trades_today: int
    total_pnl: float
    daily_pnl: float
    active_positions: int


class DashboardResponse(BaseModel):
    """One page of everything."""

    summary: DashboardSummary
    active_strategies: list[LiveStrategyResponse]
    recent_signals: list[SignalHistoryResponse]
