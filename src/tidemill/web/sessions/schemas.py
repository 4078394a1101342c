"""What is said about trading sessions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tidemill.services.faces.sessions import SessionWish
from tidemill.web.wishes import CAMEL_OUT, Cash, ExpectedCamelIn, FeedWish, Interval, Params, Symbols, feed_wish

__all__ = [
    "ActiveSessionOut",
    "PositionLine",
    "SessionIn",
    "SessionOut",
    "SessionPortfolioOut",
    "SessionsOut",
    "Settings",
    "SettingsAnswer",
    "SettingsIn",
    "SettingsOut",
    "StartedOut",
    "StatsOut",
    "TradeOut",
    "TradesOut",
]

_MOST_SETTINGS = 64


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        days = isinstance(value, list) and len(value) <= 7 and all(isinstance(day, str) for day in value)
        if len(name) > 100 or not (value is None or days or isinstance(value, str | int | float | bool)):
            raise ValueError("settings are numbers, texts, true or false, null, or a list of days, by name")
        if len(str(value)) > 200 or (isinstance(value, int) and abs(value) > 1e15):
            raise ValueError(f"{name[:40]} is too long")
    return values


Settings = Annotated[dict[str, Any], Field(max_length=_MOST_SETTINGS), AfterValidator(_plain)]


class SessionIn(ExpectedCamelIn):
    """A session to be started."""

    user_id: int | None = Field(default=None, description="Must be one's own number if it is given.")
    mode: Annotated[Literal["PAPER", "LIVE"], BeforeValidator(_upper)] = "PAPER"
    initial_cash: Cash = 100_000.0
    symbols: Symbols = Field(examples=[["AAPL", "GOOGL"]])
    strategy: str | None = Field(default=None, min_length=1, max_length=100, examples=["meanReversion"])
    custom_strategy_id: int | None = Field(default=None, ge=1, lt=1 << 63)
    strategy_parameters: Params = Field(default_factory=dict)
    settings: Settings | None = Field(default=None, description="Those that differ from the defaults.")
    scheduled_end_time: str | None = Field(default=None, min_length=1, max_length=40)
    feed: FeedWish = None
    interval: Interval = "1min"

    def wish(self) -> SessionWish:
        """Return it as the service takes it."""
        return SessionWish(
            self.mode,
            self.initial_cash,
            self.symbols,
            self.strategy or "",
            self.custom_strategy_id or 0,
            self.strategy_parameters,
            self.settings or {},
            self.scheduled_end_time or "",
            feed_wish(self.feed),
            self.interval,
        )


class SettingsIn(BaseModel):
    """Settings by name, in any usual spelling; those left out keep what they have, or the default."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    @model_validator(mode="after")
    def _few_and_short(self) -> Self:
        if len(self.values()) > _MOST_SETTINGS:
            raise ValueError(f"at most {_MOST_SETTINGS} settings")
        _plain(self.values())
        return self

    def values(self) -> dict[str, Any]:
        """Return what is said."""
        return dict(self.__pydantic_extra__ or {})


class SettingsOut(BaseModel):
    """All settings of a session; percentages are 0 to 100, null: no such limit."""

    stop_loss_percentage: float | None
    take_profit_percentage: float | None
    enable_trailing_stop: bool
    trailing_stop_percentage: float | None
    max_position_size_percentage: float
    max_open_positions: int
    daily_loss_limit_percentage: float | None
    daily_loss_limit_absolute: float | None
    order_type_default: str
    time_in_force: str
    slippage_model: str
    slippage_value: float
    commission_rate: float
    allow_partial_fills: bool
    limit_price_offset_percentage: float | None
    enable_bracket_orders: bool
    enable_oco_orders: bool
    position_sizing_method: str
    position_size_value: float
    rebalance_frequency: str
    trading_hours_start: str
    trading_hours_end: str
    trading_days: list[str]
    trading_hours_zone: str
    extended_hours: bool


class SettingsAnswer(SettingsOut):
    """Settings of one session."""

    session_id: int
    is_in_force: bool = Field(description="False: some are written down, but the session does not go by them.")
    waiting: list[str] = Field(description="Settings the session does not go by, or not wholly: it began with others.")


class SessionOut(BaseModel):
    """A session."""

    id: int
    user_id: int
    start_time: str
    end_time: str | None
    mode: str
    strategy: str
    symbols: list[str]
    initial_cash: float
    final_cash: float | None
    total_trades: int
    winning_trades: int
    total_pnl: float
    status: str = Field(description="ACTIVE, PAUSED, COMPLETED, STOPPED or ERROR.")
    message: str
    scheduled_end_time: str | None
    run_id: str
    feed: str
    created_at: str


class StartedOut(BaseModel):
    """What was started."""

    model_config = CAMEL_OUT

    success: bool
    session_id: int
    session: SessionOut
    settings: SettingsOut


class ActiveSessionOut(BaseModel):
    """The newest session at work or paused, with its settings."""

    session: SessionOut
    settings: SettingsOut


class SessionsOut(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionOut]


class TradeOut(BaseModel):
    """One fill."""

    id: str
    user_id: int
    session_id: int
    symbol: str
    action: str
    quantity: float
    price: float
    timestamp: str
    strategy: str
    mode: str
    pnl: float | None = Field(description="Of the round trip it closed; null otherwise.")
    fee: float
    created_at: str


class TradesOut(BaseModel):
    """Fills, newest first."""

    trades: list[TradeOut]


class StatsOut(BaseModel):
    """Totals over all sessions."""

    model_config = CAMEL_OUT

    total_sessions: int
    active_sessions: int
    max_active_sessions: int
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float | None = Field(description="0 to 1; null before the first round trip.")
    total_pnl: float = Field(serialization_alias="totalPnL")


class PositionLine(BaseModel):
    """One open position."""

    model_config = CAMEL_OUT

    session_id: int
    symbol: str
    quantity: float
    average_price: float
    current_price: float
    market_value: float
    unrealized_pnl: float = Field(serialization_alias="unrealizedPnL")


class SessionPortfolioOut(BaseModel):
    """The money of all sessions at work."""

    model_config = CAMEL_OUT

    total_value: float
    cash: float
    exposure: float
    daily_pnl: float = Field(serialization_alias="dailyPnL")
    total_pnl: float = Field(serialization_alias="totalPnL")
    mode: str
    positions: list[PositionLine]
    timestamp: str
