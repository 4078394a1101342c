"""What is said about orders of people, in both payload forms of the source."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tidemill.model.enums import OrderType
from tidemill.model.errors import ConfigError
from tidemill.model.parsing import parse_enum
from tidemill.services.manual.wanted import Wanted
from tidemill.web.wishes import STRICT

__all__ = ["Account", "Features", "FlattenIn", "ModeIn", "OrderIn", "Price", "Quantity", "Symbol"]

# Each spelling of the sources: side, and whether it opens, closes, or what is held decides.
_SIDES: dict[str, tuple[str, str]] = {
    "buy": ("buy", "net"),
    "sell": ("sell", "net"),
    "long": ("buy", "open"),
    "short": ("sell", "open"),
    "sellshort": ("sell", "open"),
    "buytocover": ("buy", "close"),
}
_MOST_FEATURES = 8_000  # characters of JSON
_STOPS = ("STOP", "STOP_LIMIT")


def _plain(value: object) -> object:
    return "".join(sign for sign in value if sign.isalnum()).lower() if isinstance(value, str) else value


def _type(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_enum(OrderType, value[:40], "order_type").name
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _small(features: dict[str, Any]) -> dict[str, Any]:
    if len(features) > 64 or len(json.dumps(features)) > _MOST_FEATURES:
        raise ValueError(f"at most 64 entries and {_MOST_FEATURES} characters of JSON")
    return features


Price = Annotated[float, Field(gt=0.0, le=1e9)]
Quantity = Annotated[float, Field(gt=0.0, le=1e9)]
Symbol = Annotated[str, Field(min_length=1, max_length=24)]
Side = Annotated[
    Literal["buy", "sell", "long", "short", "sellshort", "buytocover"],
    BeforeValidator(_plain, json_schema_input_type=str),
]
Type = Annotated[Literal["MARKET", "LIMIT", "STOP", "STOP_LIMIT"], BeforeValidator(_type, json_schema_input_type=str)]
Tif = Annotated[Literal["GTC", "DAY", "IOC", "FOK"], BeforeValidator(_upper, json_schema_input_type=str)]
ModeIn = Annotated[Literal["PAPER", "LIVE"], BeforeValidator(_upper, json_schema_input_type=str)]
Features = Annotated[dict[str, Any], AfterValidator(_small)]
Account = Annotated[str, Field(min_length=1, max_length=120)]
Outcome = Literal["target", "stop", "manual_exit", "timeout", "cancelled", "partial", "error"]


class OrderIn(BaseModel):
    """An order, in the short form (entry, stop, target) or the long one (order_type, price, ...)."""

    model_config = ConfigDict(
        **STRICT,
        json_schema_extra={
            "examples": [
                {"symbol": "NQZ5", "side": "SELL", "qty": 1, "entry": 17895, "stop": 17905, "target": 17875},
                {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "MARKET"},
            ]
        },
    )

    symbol: Symbol = Field(examples=["NQZ5"])
    side: Side = Field(
        examples=["SELL"], description="BUY, SELL (what is held decides); LONG, SHORT, SellShort, BuyToCover."
    )
    quantity: Quantity = Field(examples=[1], validation_alias=AliasChoices("quantity", "qty"))
    entry: Price | None = Field(default=None, description="Short form: trade when this is touched or crossed.")
    stop: Price | None = Field(default=None, description="Short form: protective stop.")
    target: Price | None = Field(default=None, description="Short form: target.")
    order_type: Type | None = Field(default=None, validation_alias=AliasChoices("order_type", "orderType", "type"))
    price: Price | None = Field(
        default=None,
        validation_alias=AliasChoices("price", "limit_price", "limitPrice"),
        description="Limit of a LIMIT or STOP_LIMIT order.",
    )
    trigger_price: Price | None = Field(default=None, description="Trigger of a STOP or STOP_LIMIT order.")
    stop_price: Price | None = Field(
        default=None,
        validation_alias=AliasChoices("stop_price", "stopPrice"),
        description="Of MARKET and LIMIT: protective stop. Of STOP and STOP_LIMIT without trigger_price: the trigger.",
    )
    stop_loss: Price | None = Field(default=None, description="Protective stop, whatever the type.")
    target_price: Price | None = Field(
        default=None, validation_alias=AliasChoices("target_price", "targetPrice", "take_profit")
    )
    time_in_force: Tif = Field(
        default="GTC", validation_alias=AliasChoices("time_in_force", "timeInForce", "tif", "duration")
    )
    paper: bool = True
    expected_mode: ModeIn | None = Field(default=None, description="Refused when it would trade otherwise.")
    account: Account | None = Field(default=None, description="409 unless it is your desk's account.")
    entered_at: str | None = Field(
        default=None, max_length=40, description="UTC: when it was entered. More than an hour ago: only written down."
    )
    features: Features = Field(default_factory=dict)
    notes: str = Field(default="", max_length=2_000)
    exit_price: Price | None = Field(default=None, description="Of a trade of the past that is over.")
    exited_at: str | None = Field(default=None, max_length=40)
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def _one_form(self) -> OrderIn:
        kind = self.order_type
        if self.entry is not None and (kind is not None or self.price is not None):
            raise ValueError("entry belongs to the short form; leave order_type and price out, or write price")
        if kind in {"LIMIT", "STOP_LIMIT"} and self.price is None:
            raise ValueError(f"a {kind} order needs price")
        if kind in _STOPS and self.trigger is None:
            raise ValueError(f"a {kind} order needs trigger_price (or stop_price)")
        if kind in {"STOP", "MARKET"} and self.price is not None:
            raise ValueError(f"a {kind} order has no limit; leave price out, or choose another order_type")
        if self.trigger_price is not None and kind not in _STOPS:
            raise ValueError("trigger_price belongs to STOP and STOP_LIMIT orders")
        return self

    @property
    def trigger(self) -> float | None:
        """Return the trigger of a stop order."""
        if self.order_type not in _STOPS:
            return None
        return self.trigger_price if self.trigger_price is not None else self.stop_price

    @property
    def protection(self) -> float | None:
        """Return the protective stop."""
        is_trigger = self.order_type in _STOPS and self.trigger_price is None
        given = self.stop_loss if self.stop_loss is not None else self.stop
        return given if given is not None or is_trigger else self.stop_price

    def wanted(self, entered_ns: int, exited_ns: int, source: str) -> Wanted:
        """Return it as the desk takes it."""
        side, effect = _SIDES[self.side]
        return Wanted(
            self.symbol,
            side,
            self.quantity,
            effect,
            entry=self.entry,
            limit_price=self.price,
            trigger_price=self.trigger,
            stop_loss=self.protection,
            take_profit=self.target_price if self.target_price is not None else self.target,
            time_in_force=self.time_in_force.lower(),
            mode="paper" if self.paper else "live",
            account=self.account or "",
            expected_mode=(self.expected_mode or "").lower(),
            entered_ns=entered_ns,
            features=self.features,
            notes=self.notes,
            source=source,
            exit_price=self.exit_price,
            exited_ns=exited_ns,
            outcome=self.outcome or "",
        )


class FlattenIn(BaseModel):
    """What to close."""

    model_config = STRICT

    symbol: Symbol | None = Field(default=None, description="Only of it; left out: everything.")
    reason: str = Field(default="", max_length=200)
