"""What is said about kept strategies."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, Field

from tidemill.services.library.saved import Saved, SavedWish
from tidemill.web.times import iso_utc
from tidemill.web.wishes import CAMEL_IN, Name

__all__ = ["SavedChangeIn", "SavedIn", "SavedListOut", "SavedOut"]

_MOST_KEYS = 64


def _small(values: dict[str, Any]) -> dict[str, Any]:
    if len(values) > _MOST_KEYS or len(str(values)) > 20_000:
        raise ValueError(f"at most {_MOST_KEYS} entries and 20000 characters")
    return values


_Config = Annotated[dict[str, Any], AfterValidator(_small)]
_Text = Annotated[str, Field(max_length=2_000)]
_TYPE = AliasChoices("strategy_type", "strategyType", "type", "strategy")
_CONFIG = AliasChoices("config", "parameters", "strategyParameters")
_RESULTS = AliasChoices("backtest_results", "backtestResults")


class SavedChangeIn(BaseModel):
    """What is to change; what is left out stays."""

    model_config = CAMEL_IN

    name: Name | None = None
    description: _Text | None = None
    strategy_type: Name | None = Field(default=None, validation_alias=_TYPE)
    config: _Config | None = Field(default=None, validation_alias=_CONFIG)
    backtest_results: _Config | None = Field(default=None, validation_alias=_RESULTS)
    is_active: bool | None = None
    is_public: bool | None = None

    def wish(self) -> SavedWish:
        """Return it as the service takes it."""
        return SavedWish(
            self.name,
            self.description,
            self.strategy_type,
            self.config,
            self.backtest_results,
            self.is_active,
            self.is_public,
        )


class SavedIn(SavedChangeIn):
    """A strategy to be kept."""

    name: Name
    description: _Text = ""
    strategy_type: Name = Field(validation_alias=_TYPE, examples=["meanReversion"])
    config: _Config = Field(default_factory=dict, validation_alias=_CONFIG, examples=[{"window": 20}])
    backtest_results: _Config | None = Field(default=None, validation_alias=_RESULTS)
    is_active: bool = True
    is_public: bool = False


class SavedOut(BaseModel):
    """A kept strategy."""

    id: int
    user_id: int | None = Field(description="Null for one that somebody else made public.")
    name: str
    description: str
    strategy_type: str
    config: dict[str, Any]
    backtest_results: dict[str, Any] | None
    is_active: bool
    is_public: bool
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, found: Saved, user_id: int) -> SavedOut:
        """Return a strategy as told to somebody."""
        return cls(
            id=found.number,
            user_id=found.user_id if found.user_id == user_id else None,
            name=found.name,
            description=found.description,
            strategy_type=found.strategy_type,
            config=dict(found.config),
            backtest_results=dict(found.results) if found.results is not None else None,
            is_active=found.is_active,
            is_public=found.is_public,
            created_at=iso_utc(found.created_ns),
            updated_at=iso_utc(found.updated_ns),
        )


class SavedListOut(BaseModel):
    """Kept strategies, newest first."""

    strategies: list[SavedOut]
