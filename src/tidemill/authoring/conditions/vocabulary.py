"""Every word of the condition builder in one table: indicators, their parameters and lines, conditions, prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tidemill.kernel.conditions import PRICES
from tidemill.model.conditions import MAX_PERIOD

__all__ = ["COMPARING", "CONDITIONS", "KINDS", "PRICE_WORDS", "Condition", "Kind", "Parameter", "nearest_word"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of an indicator.

    Args:
        name: as in the JSON. default: None: it may be left out, and then there is none.
        low, high: bounds, both allowed. is_whole: counts bars.
    """

    name: str
    default: float | None
    low: float = 1
    high: float = MAX_PERIOD
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be compared.

    Args:
        name: as in the JSON. label: in a sentence.
        params: numbers in the order of a short call, ``macd(12, 26, 9)``.
        outputs: its lines; the first is meant where none is named.
        sources: what it may be computed from; the first is meant where none is named.
        conditions: names of the conditions that may be put on it.
    """

    name: str
    label: str
    params: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    sources: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that may be put on a series.

    Args:
        name: as in the JSON. sentence: with ``{left}`` and ``{right}``, or the indicator's lines by name.
        takes_value: whether it is compared with something the user names.
        default: what it is compared with when the user names nothing; None: then it cannot be used.
    """

    name: str
    sentence: str
    takes_value: bool = True
    default: float | None = None


_CLOSE_FIRST = ("close", "open", "high", "low", "volume", "hl2", "hlc3", "ohlc4")
COMPARING = ("above", "below", "crossesAbove", "crossesBelow")
_PERIOD = Parameter("period", 20)

CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        item.name: item
        for item in (
            Condition("above", "{left} is above {right}"),
            Condition("below", "{left} is below {right}"),
            Condition("crossesAbove", "{left} crosses above {right}"),
            Condition("crossesBelow", "{left} crosses below {right}"),
            Condition("overbought", "{left} is overbought, at {right} or above", default=70.0),
            Condition("oversold", "{left} is oversold, at {right} or below", default=30.0),
            Condition("signalAbove", "{left} is above its signal line", takes_value=False),
            Condition("signalBelow", "{left} is below its signal line", takes_value=False),
            Condition("crossesAboveSignal", "{left} crosses above its signal line", takes_value=False),
            Condition("crossesBelowSignal", "{left} crosses below its signal line", takes_value=False),
            Condition("histogramPositive", "the histogram of {left} is positive", takes_value=False),
            Condition("histogramNegative", "the histogram of {left} is negative", takes_value=False),
            Condition("priceBelowLower", "{price} is below the lower band of {left}", takes_value=False),
            Condition("priceAboveUpper", "{price} is above the upper band of {left}", takes_value=False),
            Condition(
                "priceBetweenMiddleAndUpper",
                "{price} is between the middle and the upper band of {left}",
                takes_value=False,
            ),
            Condition(
                "priceBetweenMiddleAndLower",
                "{price} is between the middle and the lower band of {left}",
                takes_value=False,
            ),
            Condition("priceCrossesAboveMiddle", "{price} crosses above the middle of {left}", takes_value=False),
            Condition("priceCrossesBelowMiddle", "{price} crosses below the middle of {left}", takes_value=False),
            Condition("bandsExpanding", "the bands of {left} are wider than on the bar before", takes_value=False),
            Condition("bandsContracting", "the bands of {left} are narrower than on the bar before", takes_value=False),
            Condition("priceAbove", "{price} is above {left}", takes_value=False),
            Condition("priceBelow", "{price} is below {left}", takes_value=False),
            Condition("priceCrossesAbove", "{price} crosses above {left}", takes_value=False),
            Condition("priceCrossesBelow", "{price} crosses below {left}", takes_value=False),
        )
    }
)
_OF_MACD = (
    "signalAbove",
    "signalBelow",
    "crossesAboveSignal",
    "crossesBelowSignal",
    "histogramPositive",
    "histogramNegative",
)
_OF_BANDS = (
    "priceBelowLower",
    "priceAboveUpper",
    "priceBetweenMiddleAndUpper",
    "priceBetweenMiddleAndLower",
    "priceCrossesAboveMiddle",
    "priceCrossesBelowMiddle",
    "bandsExpanding",
    "bandsContracting",
)
_OF_VWAP = ("priceAbove", "priceBelow", "priceCrossesAbove", "priceCrossesBelow")

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        item.name: item
        for item in (
            Kind("sma", "SMA", (_PERIOD,), ("value",), _CLOSE_FIRST, COMPARING),
            Kind("ema", "EMA", (_PERIOD,), ("value",), _CLOSE_FIRST, COMPARING),
            Kind(
                "rsi",
                "RSI",
                (Parameter("period", 14),),
                ("value",),
                _CLOSE_FIRST,
                (*COMPARING, "overbought", "oversold"),
            ),
            Kind(
                "macd",
                "MACD",
                (Parameter("fastPeriod", 12), Parameter("slowPeriod", 26), Parameter("signalPeriod", 9)),
                ("line", "signal", "histogram"),
                _CLOSE_FIRST,
                (*COMPARING, *_OF_MACD),
            ),
            Kind(
                "bollingerBands",
                "Bollinger bands",
                (_PERIOD, Parameter("multiplier", 2.0, low=0.0, high=100.0, is_whole=False)),
                ("middle", "lower", "upper", "width"),
                _CLOSE_FIRST,
                (*COMPARING, *_OF_BANDS),
            ),
            Kind("vwap", "VWAP", (Parameter("period", None),), ("value",), ("hlc3",), (*COMPARING, *_OF_VWAP)),
            Kind("price", "price", (), ("value",), _CLOSE_FIRST, COMPARING),
            Kind("volume", "volume", (), ("value",), ("volume",), COMPARING),
        )
    }
)
PRICE_WORDS = ("price", *PRICES)
_OTHER_NAMES = {"bollinger": "bollingerbands", "bb": "bollingerbands"}


def _plain(word: str) -> str:
    return "".join(char for char in word.lower() if char.isalnum())


_plain_of_ours = cache(_plain)  # of the few words of this page only: what users write is not kept


def nearest_word(word: str, known: Iterable[str]) -> str:
    """Return the known word that is spelled like this one but for capitals, dashes and underscores, or nothing."""
    plain = _plain(word)
    plain = _OTHER_NAMES.get(plain, plain)
    return next((item for item in known if _plain_of_ours(item) == plain), "")
