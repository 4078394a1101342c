"""What is said about backtests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, Field

from tidemill.services.jobs.asked import BacktestWish
from tidemill.services.jobs.backtests import StrategyWish
from tidemill.web.custom_strategies.schemas import Side, document_in
from tidemill.web.sessions.schemas import Settings
from tidemill.web.wishes import CAMEL_IN, CAMEL_OUT, STRICT, Cash, Name, Params, Symbols

__all__ = [
    "BacktestIn",
    "CompareIn",
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
    "SaveIn",
    "TradeLineOut",
]


def _day(value: str) -> str:
    """Return a day as it is stored; a pattern has seen to its shape."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("there is no such day; write one as 2024-01-31") from None


Day = Annotated[str, Field(pattern=r"^[12]\d{3}-\d\d-\d\d$", examples=["2023-01-01"]), AfterValidator(_day)]
_DataName = Annotated[str, Field(min_length=1, max_length=200)]
_Status = Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"]


class DataIn(BaseModel):
    """Where prices come from."""

    model_config = STRICT

    kind: Literal["sample", "synthetic", "files"] = Field(
        description="sample: Apple's daily prices of 2019 to 2024; synthetic: a simulated market, labelled SIMULATED; "
        "files: data sets of this installation."
    )
    names: list[_DataName] = Field(default_factory=list, max_length=100, description="Of data sets.")
    seed: int | None = Field(default=None, ge=0, le=2**31, description="Of a synthetic market.")
    sessions: int | None = Field(default=None, ge=1, le=2_500, description="Trading days of a synthetic market.")


class ConditionsIn(BaseModel):
    """Conditions that are tested without being kept."""

    model_config = STRICT

    buy_conditions: Side = Field(validation_alias=AliasChoices("buy_conditions", "buyConditions"))
    sell_conditions: Side = Field(validation_alias=AliasChoices("sell_conditions", "sellConditions"))


class BacktestIn(BaseModel):
    """A backtest to be run."""

    model_config = CAMEL_IN

    user_id: int | None = Field(default=None, description="Must be one's own number if it is given.")
    strategy: Name | None = Field(default=None, examples=["meanReversion"], description="As GET /strategies lists it.")
    strategy_parameters: Params = Field(
        default_factory=dict,
        validation_alias=AliasChoices("strategyParameters", "strategy_parameters", "parameters", "params", "config"),
        examples=[{"window": 20, "threshold": 0.05}],
    )
    custom_strategy_id: int | None = Field(default=None, ge=1, lt=1 << 63)
    strategy_id: int | None = Field(default=None, ge=1, lt=1 << 63, description="Of a saved strategy.")
    conditions: ConditionsIn | None = Field(default=None, description="Conditions in place of a kept strategy.")
    buy_conditions: Side | None = Field(default=None, validation_alias=AliasChoices("buy_conditions", "buyConditions"))
    sell_conditions: Side | None = Field(
        default=None, validation_alias=AliasChoices("sell_conditions", "sellConditions")
    )
    symbols: Symbols = Field(examples=[["AAPL"]])
    start_date: Day | None = Field(default=None, description="First trading day; all there are when left out.")
    end_date: Day | None = Field(default=None, examples=["2023-12-31"])
    initial_capital: Cash = Field(
        default=10_000.0, validation_alias=AliasChoices("initialCapital", "initial_capital", "initialCash")
    )
    shares_per_trade: float | None = Field(
        default=None, gt=0.0, le=1e9, description="Fixed size, unless the settings name a way to size positions."
    )
    settings: Settings | None = Field(
        default=None,
        validation_alias=AliasChoices("settings", "sessionSettings", "session_settings"),
        description="Session settings that differ from the defaults.",
    )
    data: DataIn | _DataName | Annotated[list[_DataName], Field(min_length=1, max_length=100)] | None = None
    provider: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="Nothing is fetched: vendors are refused, `sample` and `synthetic` are taken."
    )
    use_cache: bool = Field(default=True, description="Told only: data sets are read from this installation.")
    wait: bool = Field(default=True, description="false: answered at once with 202 and the job.")

    def strategy_wish(self) -> StrategyWish:
        """Return which strategy it is of."""
        document = document_in(self.buy_conditions, self.sell_conditions)
        if self.conditions is not None:
            document = document_in(self.conditions.buy_conditions, self.conditions.sell_conditions)
        return StrategyWish(
            self.strategy or "",
            self.strategy_parameters,
            self.custom_strategy_id or 0,
            document or None,
            self.strategy_id or 0,
        )

    def wish(self) -> BacktestWish:
        """Return the rest of it."""
        data = self.data.model_dump(exclude_none=True) if isinstance(self.data, DataIn) else self.data
        return BacktestWish(
            self.symbols,
            self.start_date or "",
            self.end_date or "",
            self.initial_capital,
            self.settings or {},
            self.shares_per_trade or 0.0,
            data,
            (self.provider or "").strip().lower(),
        )


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


class CompareIn(BaseModel):
    """Which backtests to lay side by side."""

    model_config = STRICT

    ids: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(min_length=1, max_length=20)


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


class SaveIn(BaseModel):
    """A name to keep a backtest's strategy under."""

    model_config = CAMEL_IN

    name: Name
    description: Annotated[str, Field(max_length=2_000)] = ""
    is_public: bool = False
