"""What is said about custom strategies."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, Field

from tidemill.services.conditions import read_conditions_aloud
from tidemill.services.library.custom import Custom, CustomWish, document_of_sides
from tidemill.web.times import iso_utc
from tidemill.web.wishes import CAMEL_IN, STRICT, Name

__all__ = [
    "ConditionOut",
    "CustomChangeIn",
    "CustomIn",
    "CustomListOut",
    "CustomOut",
    "DocumentIn",
    "FindingOut",
    "Side",
    "TestIn",
    "TestOut",
    "ValidationOut",
    "document_in",
]

_EXAMPLE_BUY = {"type": "indicator", "indicator": {"type": "rsi", "period": 14, "condition": "below", "value": 30}}
_EXAMPLE_SELL = {"type": "indicator", "indicator": {"type": "rsi", "period": 14, "condition": "above", "value": 70}}
_MOST_PRICES = 10_000

# What is inside is told by the conditions' own check, with the path of each mistake.
Side = Annotated[dict[str, Any] | list[Any], Field(examples=[_EXAMPLE_BUY], description="A node, or a list: any of.")]
_BUY = AliasChoices("buy_conditions", "buyConditions")
_SELL = AliasChoices("sell_conditions", "sellConditions")
_Text = Annotated[str, Field(max_length=2_000)]
_Avatar = Annotated[str, Field(max_length=500)]
_Number = Annotated[float, Field(gt=0.0, le=1e15)]


def document_in(buy: Any, sell: Any) -> dict[str, Any]:
    """Return two sides as services take them; one that is missing is left out."""
    return document_of_sides(buy, sell)


class DocumentIn(BaseModel):
    """Conditions to be looked at; whatever else stands beside them is not read."""

    model_config = CAMEL_IN

    name: str | None = Field(default=None, max_length=100)
    description: _Text | None = None
    buy_conditions: Any = Field(default=None, validation_alias=_BUY, examples=[_EXAMPLE_BUY])
    sell_conditions: Any = Field(default=None, validation_alias=_SELL, examples=[_EXAMPLE_SELL])

    def document(self) -> dict[str, Any]:
        """Return them as services take them."""
        return document_in(self.buy_conditions, self.sell_conditions)


class CandleIn(BaseModel):
    """One bar; what is missing stands at the close, volume at 1."""

    model_config = {**STRICT, "extra": "ignore"}

    open: _Number | None = None
    high: _Number | None = None
    low: _Number | None = None
    close: _Number | None = None
    price: _Number | None = None
    volume: Annotated[float, Field(ge=0.0, le=1e18)] | None = None


_Prices = Annotated[list[_Number | CandleIn], Field(min_length=1, max_length=_MOST_PRICES)]


class TestIn(DocumentIn):
    """Conditions, and prices to try them on, oldest first."""

    price_data: _Prices = Field(
        validation_alias=AliasChoices("price_data", "priceData", "prices"), examples=[[100.0, 101.5, 99.0]]
    )

    def prices(self) -> list[Any]:
        """Return the prices as services take them."""
        return [item.model_dump(exclude_none=True) if isinstance(item, CandleIn) else item for item in self.price_data]


class CustomChangeIn(BaseModel):
    """What is to change; what is left out stays."""

    model_config = CAMEL_IN

    name: Name | None = None
    description: _Text | None = None
    buy_conditions: Side | None = Field(default=None, validation_alias=_BUY)
    sell_conditions: Side | None = Field(default=None, validation_alias=_SELL)
    avatar: _Avatar | None = None
    is_active: bool | None = None
    is_public: bool | None = None

    def wish(self) -> CustomWish:
        """Return it as the service takes it."""
        return CustomWish(
            self.name,
            self.description,
            self.buy_conditions,
            self.sell_conditions,
            self.avatar,
            self.is_active,
            self.is_public,
        )


class CustomIn(CustomChangeIn):
    """A custom strategy to be kept."""

    name: Name
    description: _Text = ""
    buy_conditions: Side = Field(validation_alias=_BUY)
    sell_conditions: Side = Field(validation_alias=_SELL, examples=[_EXAMPLE_SELL])
    avatar: _Avatar = ""
    is_active: bool = True
    is_public: bool = False


class CustomOut(BaseModel):
    """A custom strategy."""

    id: int
    user_id: int | None = Field(description="Null for one that somebody else made public.")
    name: str
    description: str
    buy_conditions: Any
    sell_conditions: Any
    reading: str = Field(description="What it says, in plain English.")
    avatar: str
    is_active: bool
    is_public: bool
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, found: Custom, user_id: int) -> CustomOut:
        """Return a custom strategy as told to somebody."""
        return cls(
            id=found.number,
            user_id=found.user_id if found.user_id == user_id else None,
            name=found.name,
            description=found.description,
            buy_conditions=found.buy,
            sell_conditions=found.sell,
            reading=read_conditions_aloud(found.document),
            avatar=found.avatar,
            is_active=found.is_active,
            is_public=found.is_public,
            created_at=iso_utc(found.created_ns),
            updated_at=iso_utc(found.updated_ns),
        )


class CustomListOut(BaseModel):
    """Custom strategies, newest first."""

    strategies: list[CustomOut]


class FindingOut(BaseModel):
    """One thing that is wrong, or odd."""

    path: str = Field(description="Of its exact place: buy_conditions.children[1].indicator.value")
    code: str
    message: str
    hint: str


class ValidationOut(BaseModel):
    """What is wrong with conditions, or odd about them, and what they say."""

    valid: bool
    errors: list[FindingOut]
    warnings: list[FindingOut]
    reading: str | None
    needed_bars: int | None


class ConditionOut(BaseModel):
    """One condition after the last bar."""

    side: str
    path: str
    text: str
    met: bool | None = Field(description="Null: it has no answer yet.")
    numbers: dict[str, float | None]


class TestOut(BaseModel):
    """What conditions say to prices."""

    signal: str | None = Field(description="BUY, SELL or null, after the last bar.")
    signals: list[str | None]
    bars: int
    needed_bars: int
    conditions: list[ConditionOut]
    reading: str
