"""What several faces ask for in the same words: symbols, a feed, parameters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tidemill.services.fleet.expecting import Expected

__all__ = [
    "CAMEL_IN",
    "CAMEL_OUT",
    "STRICT",
    "Cash",
    "ExpectedCamelIn",
    "ExpectedIn",
    "FeedIn",
    "FeedWish",
    "Interval",
    "Name",
    "Params",
    "Symbols",
    "feed_wish",
]

STRICT = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)
CAMEL_IN = ConfigDict(**STRICT, alias_generator=to_camel)
CAMEL_OUT = ConfigDict(populate_by_name=True, alias_generator=to_camel)
_MOST_PARAMS = 64


class FeedIn(BaseModel):
    """Where prices come from."""

    model_config = STRICT

    kind: Literal["push", "synthetic", "replay", "sample"] = Field(
        description="push: ticks through the API; synthetic: a simulated market, labelled so; replay: a data set of "
        "this installation; sample: daily prices that come with Tidemill."
    )
    name: str | None = Field(default=None, min_length=1, max_length=200, description="Of the data set of a replay.")
    seed: int | None = Field(default=None, ge=0, le=2**31)
    sessions: int | None = Field(default=None, ge=0, le=2_500)
    speed: Annotated[float, Field(ge=1.0, le=1_000.0)] | Literal["max"] | None = Field(
        default=None, description="Times the market's pace."
    )
    start: str | None = Field(default=None, max_length=40)
    end: str | None = Field(default=None, max_length=40)


def _few(params: dict[str, Any]) -> dict[str, Any]:
    if len(params) > _MOST_PARAMS:
        raise ValueError(f"at most {_MOST_PARAMS} parameters")
    for key, value in params.items():
        if len(key) > 100 or not isinstance(value, str | int | float | bool) or len(str(value)) > 200:
            raise ValueError("parameters are numbers or short texts by name")
    return params


Name = Annotated[str, Field(min_length=1, max_length=100)]
Symbols = Annotated[list[Annotated[str, Field(min_length=1, max_length=24)]], Field(min_length=1, max_length=100)]
FeedWish = Annotated[str, Field(min_length=1, max_length=200)] | FeedIn | None
Interval = Annotated[str, Field(min_length=1, max_length=16, description="Size of bars made of pushed ticks: 1min.")]
Cash = Annotated[float, Field(gt=0.0, le=1e12, description="Starting money of the paper account.")]
Params = Annotated[dict[str, Any], AfterValidator(_few)]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class ExpectedIn(BaseModel):
    """What a request that can trade takes for granted; without it only paper is traded."""

    model_config = STRICT

    expected_mode: Annotated[Literal["paper", "live"], BeforeValidator(_lower)] | None = Field(
        default=None, description="409 when it would trade in the other mode."
    )
    account: str | None = Field(
        default=None, min_length=1, max_length=120, description="409 when it would trade on another account."
    )

    def expected(self) -> Expected:
        """Return it as services take it."""
        return Expected(self.expected_mode, self.account)


class ExpectedCamelIn(ExpectedIn):
    """The same, in the spelling of faces whose fields are camelCase; snake_case will do."""

    model_config = CAMEL_IN


def feed_wish(feed: FeedWish) -> str | dict[str, Any] | None:
    """Return a feed as services take it."""
    return feed.model_dump(exclude_none=True) if isinstance(feed, FeedIn) else feed
