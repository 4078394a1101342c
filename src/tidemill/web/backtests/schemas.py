"""What is asked of backtests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, Field

from tidemill.services.jobs.asked import BacktestWish
from tidemill.services.jobs.backtests import StrategyWish
from tidemill.web.custom_strategies.schemas import Side, document_in
from tidemill.web.sessions.schemas import Settings
from tidemill.web.wishes import CAMEL_IN, STRICT, Cash, Name, Params, Symbols

__all__ = ["BacktestIn", "CompareIn", "SaveIn"]


def _day(value: str) -> str:
    """Return a day as it is stored; a pattern has seen to its shape."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("there is no such day; write one as 2024-01-31") from None


Day = Annotated[str, Field(pattern=r"^[12]\d{3}-\d\d-\d\d$", examples=["2023-01-01"]), AfterValidator(_day)]
_DataName = Annotated[str, Field(min_length=1, max_length=200)]


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


class CompareIn(BaseModel):
    """Which backtests to lay side by side."""

    model_config = STRICT

    ids: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(min_length=1, max_length=20)


class SaveIn(BaseModel):
    """A name to keep a backtest's strategy under."""

    model_config = CAMEL_IN

    name: Name
    description: Annotated[str, Field(max_length=2_000)] = ""
    is_public: bool = False
