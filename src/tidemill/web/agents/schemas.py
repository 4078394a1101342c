"""What is said about trading agents."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.runs import OwnedRun
from tidemill.web.times import iso_utc
from tidemill.web.wishes import CAMEL_IN, CAMEL_OUT, Cash, ExpectedCamelIn, FeedWish, Interval, Name, Params, Symbols

__all__ = [
    "ActivityOut",
    "ActivityRow",
    "AgentChangeIn",
    "AgentChangedOut",
    "AgentDetailOut",
    "AgentIn",
    "AgentOut",
    "AgentsOut",
    "HoldingOut",
    "MessageOut",
    "PortfolioOut",
    "RiskLimitsIn",
    "RiskLimitsOut",
]

_Strategies = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(min_length=1, max_length=10)]
_Patience = Annotated[float, Field(ge=1.0, le=86_400.0, description="Seconds a person has to approve an entry.")]
_Horizon = Literal["intraday", "swing", "position"]


class RiskLimitsIn(BaseModel):
    """Limits that differ from the defaults, or from what the agent has."""

    model_config = CAMEL_IN

    max_position_size: float | None = Field(default=None, gt=0.0, le=1e12, description="USD of one position.")
    max_daily_loss: float | None = Field(default=None, gt=0.0, le=1e12, description="USD.")
    max_concurrent_positions: int | None = Field(default=None, ge=1, le=100_000)
    min_confidence_score: float | None = Field(default=None, ge=0.0, le=100.0)
    max_portfolio_exposure: float | None = Field(default=None, gt=0.0, le=100.0, description="Percent of equity.")
    max_correlation: float | None = Field(default=None, ge=0.0, le=1.0)

    def values(self) -> dict[str, float]:
        """Return the limits that are said."""
        return self.model_dump(exclude_none=True, by_alias=True)


class RiskLimitsOut(BaseModel):
    """All limits of an agent."""

    model_config = CAMEL_OUT

    max_position_size: float
    max_daily_loss: float
    max_concurrent_positions: int
    min_confidence_score: float
    max_portfolio_exposure: float
    max_correlation: float


class AgentIn(ExpectedCamelIn):
    """An agent to be made; it begins at once unless ``active`` is false."""

    name: Name = Field(examples=["Intraday Momentum Hunter"])
    account_id: str = Field(min_length=1, max_length=64, examples=["TS_PAPER_001"])
    timeframe: _Horizon
    strategies: _Strategies = Field(examples=[["breakout-volume-surge"]])
    risk_limits: RiskLimitsIn = Field(default_factory=RiskLimitsIn)
    active: bool = True
    symbols: Symbols | None = None
    feed: FeedWish = None
    interval: Interval | None = None
    initial_cash: Cash = Field(default=100_000.0)
    auto_execute: bool = Field(default=True)
    parameters: dict[Annotated[str, Field(max_length=100)], Params] = Field(default_factory=dict, max_length=10)
    require_approval: bool = Field(default=False, description="A person approves each entry before it is sent.")
    approval_seconds: _Patience = 300.0


class AgentChangeIn(ExpectedCamelIn):
    """What is to be different; limits are merged into those there are."""

    name: Name | None = None
    account_id: str | None = Field(default=None, min_length=1, max_length=64)
    timeframe: _Horizon | None = None
    strategies: _Strategies | None = None
    risk_limits: RiskLimitsIn = Field(default_factory=RiskLimitsIn)
    symbols: Symbols | None = None
    feed: FeedWish = None
    interval: Interval | None = None
    auto_execute: bool | None = Field(default=None)
    parameters: dict[Annotated[str, Field(max_length=100)], Params] | None = Field(default=None, max_length=10)
    require_approval: bool | None = None
    approval_seconds: _Patience | None = None


class AgentOut(BaseModel):
    """An agent."""

    model_config = CAMEL_OUT

    id: str
    name: str
    account_id: str
    timeframe: str
    strategies: list[str]
    risk_limits: RiskLimitsOut
    active: bool
    created_at: str
    updated_at: str
    status: str = Field(description="Of its newest run: STARTING, RUNNING, PAUSED, STOPPED, COMPLETED, ERROR; NEW.")
    message: str = Field(description="Why it failed, or could not begin.")
    symbols: list[str]
    feed: str
    auto_execute: bool
    require_approval: bool
    version: int = Field(description="Counts every change of what it trades and how.")
    run_version: int | None = Field(description="Version its newest run began with.")
    run_id: str | None

    @classmethod
    def of(cls, agent: Agent, run: OwnedRun | None, message: str = "") -> AgentOut:
        """Return an agent as it is told."""
        face = agent.face_values
        return cls(
            id=agent.id,
            name=agent.name,
            account_id=face["account_id"],
            timeframe=face["timeframe"],
            strategies=list(face["strategies"]),
            risk_limits=RiskLimitsOut(**face["risk_limits"]),
            active=agent.is_active and (run is None or run.is_active),
            created_at=iso_utc(agent.created_ns),
            updated_at=iso_utc(agent.updated_ns),
            status=run.status if run is not None else "NEW",
            message=message or (run.message if run is not None else ""),
            symbols=list(agent.spec.symbols),
            feed="SIMULATED" if agent.spec.feed.kind == "synthetic" else agent.spec.feed.kind,
            auto_execute=agent.spec.auto_execute,
            require_approval=agent.spec.run.settings.gate,
            version=agent.version,
            run_version=run.version if run is not None else None,
            run_id=run.run_id if run is not None else None,
        )


class AgentChangedOut(AgentOut):
    """An agent that was changed."""

    in_force: dict[str, str] = Field(
        description="Of what was changed, for the run at work: now, soon (asked for), or next_run. Empty: none at work."
    )


class AgentsOut(BaseModel):
    """Agents, oldest first."""

    model_config = CAMEL_OUT

    agents: list[AgentOut]


class HoldingOut(BaseModel):
    """One position: signed shares, prices, unrealised result."""

    model_config = CAMEL_OUT

    shares: float
    avg_price: float
    current_price: float
    pnl: float


class PortfolioOut(BaseModel):
    """The money of an agent."""

    model_config = CAMEL_OUT

    cash: float
    positions: dict[str, HoldingOut]
    total_equity: float
    daily_pnl: float = Field(serialization_alias="dailyPnL")
    daily_pnl_percent: float = Field(serialization_alias="dailyPnLPercent")
    total_pnl: float = Field(serialization_alias="totalPnL")
    open_trade_count: int
    total_exposure: float
    last_updated: str


class AgentDetailOut(BaseModel):
    """An agent and its money."""

    model_config = CAMEL_OUT

    agent: AgentOut
    portfolio_state: PortfolioOut


class MessageOut(BaseModel):
    """What was done."""

    model_config = CAMEL_OUT

    message: str


class ActivityRow(BaseModel):
    """One thing that happened."""

    model_config = CAMEL_OUT

    id: str
    activity_type: str
    ticker: str | None
    description: str
    data: dict[str, Any]
    timestamp: str


class ActivityOut(BaseModel):
    """What happened, newest first."""

    model_config = CAMEL_OUT

    activity: list[ActivityRow]
