"""What is said about accounts, orders, signals and results of trading agents."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from tidemill.model.enums import OrderType
from tidemill.model.parsing import parse_enum
from tidemill.web.wishes import CAMEL_OUT, ExpectedCamelIn

__all__ = [
    "AccountOut",
    "AccountsOut",
    "ApprovalIn",
    "EquityOut",
    "EquityPoint",
    "MetricsOut",
    "MetricsRow",
    "OrderIn",
    "OrderOut",
    "OrderTaken",
    "OrdersOut",
    "PositionOut",
    "PositionsOut",
    "RecommendationOut",
    "RecommendationsOut",
    "SignalOut",
    "SignalsOut",
    "TradeOut",
    "TradesOut",
]

_SIDES = {
    "buy": ("buy", False),
    "sell": ("sell", True),
    "sellshort": ("sell", False),
    "buytocover": ("buy", True),
}


def _side(value: object) -> object:
    return "".join(sign for sign in value if sign.isalnum()).lower() if isinstance(value, str) else value


def _type(value: object) -> object:
    return parse_enum(OrderType, value, "orderType").name.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Price = Annotated[float, Field(gt=0.0, le=1e9)]


class OrderIn(ExpectedCamelIn):
    """An order for an agent's account."""

    agent_id: str = Field(min_length=1, max_length=64)
    symbol: str = Field(min_length=1, max_length=24)
    side: Annotated[Literal["buy", "sell", "sellshort", "buytocover"], BeforeValidator(_side)] = Field(
        description="Buy, Sell (closes), SellShort, BuyToCover (closes)."
    )
    order_type: Annotated[Literal["market", "limit", "stop", "stop_limit"], BeforeValidator(_type)] = "market"
    quantity: float = Field(gt=0.0, le=1e9)
    limit_price: Price | None = None
    stop_price: Price | None = Field(default=None, description="Trigger of a stop order.")
    stop_loss: Price | None = None
    take_profit: Price | None = None
    time_in_force: Annotated[Literal["DAY", "GTC", "IOC", "FOK"], BeforeValidator(_upper)] | None = Field(
        default=None, description="How long it may work; left out: as the agent's settings say."
    )

    def body(self) -> dict[str, Any]:
        """Return the wish as a run takes it."""
        side, closes = _SIDES[self.side]
        values = {
            "symbol": self.symbol,
            "side": side,
            "quantity": self.quantity,
            "limit_price": self.limit_price if self.order_type in {"limit", "stop_limit"} else None,
            "stop_price": self.stop_price if self.order_type in {"stop", "stop_limit"} else None,
            "stop_loss": self.stop_loss,
            "take_profit": self.take_profit,
            "closes": closes or None,
            "time_in_force": self.time_in_force.lower() if self.time_in_force is not None else None,
        }
        return {name: value for name, value in values.items() if value is not None}


class ApprovalIn(ExpectedCamelIn):
    """How a recommendation is approved."""

    ratio: float | None = Field(default=None, gt=0.0, le=1.0, description="Part of the size that is approved.")


class OrderTaken(BaseModel):
    """What became of an order right away."""

    model_config = CAMEL_OUT

    order_id: str | None
    symbol: str
    status: str = Field(description="State of the order, or PENDING while nobody has answered.")
    message: str


class OrderOut(BaseModel):
    """An order."""

    model_config = CAMEL_OUT

    order_id: str
    agent_id: str
    symbol: str
    side: str
    order_type: str
    quantity: float
    limit_price: float | None
    stop_price: float | None
    status: str
    filled_quantity: float
    average_fill_price: float | None
    submitted_at: str
    updated_at: str
    intent: str
    reason: str
    message: str


class OrdersOut(BaseModel):
    """Orders, newest first."""

    orders: list[OrderOut]


class AccountOut(BaseModel):
    """The paper account of an agent."""

    model_config = CAMEL_OUT

    account_id: str
    agent_id: str
    name: str
    type: str
    cash: float
    equity: float
    buying_power: float


class AccountsOut(BaseModel):
    """Accounts of one's agents."""

    accounts: list[AccountOut]


class PositionOut(BaseModel):
    """One open position."""

    model_config = CAMEL_OUT

    agent_id: str
    symbol: str
    quantity: float
    average_price: float
    current_price: float
    market_value: float
    unrealized_pnl: float = Field(serialization_alias="unrealizedPnL")
    unrealized_pnl_percent: float = Field(serialization_alias="unrealizedPnLPercent")


class PositionsOut(BaseModel):
    """Open positions."""

    positions: list[PositionOut]


class SignalOut(BaseModel):
    """One signal."""

    model_config = CAMEL_OUT

    id: str
    agent_id: str
    ticker: str
    pattern_type: str
    side: str
    price: float | None
    detection_time: str
    status: str = Field(description="DETECTED, EXECUTED, REJECTED or EXPIRED.")
    reason: str


class SignalsOut(BaseModel):
    """Signals, newest first."""

    signals: list[SignalOut]


class RecommendationOut(BaseModel):
    """One entry an agent decided on."""

    model_config = CAMEL_OUT

    id: str
    agent_id: str
    ticker: str
    side: str = Field(description="LONG or SHORT.")
    entry_price: float | None
    position_size: float | None
    stop_loss: float | None
    take_profit: float | None
    confidence_score: float | None = Field(description="0 to 100; null where the strategy states none.")
    reasoning: str = Field(description="Why it was refused, or what became of it.")
    status: str = Field(description="PENDING (waits for approval), ORDERED, EXECUTED, REFUSED, EXPIRED, CANCELED.")
    order_id: str | None
    created_at: str
    expires_at: str | None = Field(description="Of one that waits: until then it may be approved.")


class RecommendationsOut(BaseModel):
    """Entries an agent decided on: those that wait for approval, then the others, newest first each."""

    recommendations: list[RecommendationOut]


class TradeOut(BaseModel):
    """One round trip."""

    model_config = CAMEL_OUT

    id: str
    agent_id: str
    ticker: str
    side: str
    entry_time: str | None
    entry_price: float | None
    position_size: float | None
    exit_time: str | None
    exit_price: float | None
    pnl: float
    pnl_percent: float
    stop_loss: float | None
    take_profit: float | None
    exit_reason: str | None
    status: str
    pattern_type: str


class TradesOut(BaseModel):
    """Round trips, newest first."""

    trades: list[TradeOut]


class MetricsRow(BaseModel):
    """Figures after a round trip or a day."""

    model_config = CAMEL_OUT

    metric_date: str
    total_exposure: float
    daily_pnl: float = Field(serialization_alias="dailyPnL")
    cumulative_pnl: float = Field(serialization_alias="cumulativePnL")
    max_drawdown: float
    sharpe_ratio: float | None
    total_trades: int
    winning_trades: int
    losing_trades: int
    win_rate: float | None
    avg_win: float
    avg_loss: float
    profit_factor: float | None


class MetricsOut(BaseModel):
    """Figures, newest first."""

    metrics: list[MetricsRow]


class EquityPoint(BaseModel):
    """Equity at one moment."""

    timestamp: str
    equity: float


class EquityOut(BaseModel):
    """Equity over time, oldest first."""

    model_config = CAMEL_OUT

    equity_curve: list[EquityPoint]
