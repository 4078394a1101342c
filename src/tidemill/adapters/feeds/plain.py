"""Tidemill's own stream format: JSON objects as WebSocket text, written down in docs/reference/stream-format.md."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidemill.model.agent import parse_instant
from tidemill.model.errors import ConfigError, DataError
from tidemill.model.heard import Beat, Denied, Heard, HeardBar, HeardQuote, HeardTrade
from tidemill.model.intervals import format_interval, parse_interval

__all__ = ["PLAIN_FORMAT", "PlainDialect"]

PLAIN_FORMAT = 1
_NUMBERS = ("open", "high", "low", "close", "volume")
_OPTIONAL = ("volume", "size")


def _number(values: Mapping[str, Any], name: str) -> float:
    """Return a price or size. ``null`` is no number, and goes to the border like any other that is none."""
    value = values.get(name, 0.0 if name in _OPTIONAL else None)
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{name} is no number: {value!r:.40}.")
    return float(value)


def _whole(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int):
        raise DataError(f"{name} is no whole number: {value!r:.40}.")
    return value


def _time(values: Mapping[str, Any], name: str) -> int:
    """Return UTC nanoseconds of a time, which is a whole number of them or an ISO text."""
    value = values.get(name)
    if isinstance(value, str):
        try:
            return parse_instant(value, name)
        except ConfigError as error:
            raise DataError(str(error)) from None
    return _whole(values, name)


def _symbol(values: Mapping[str, Any]) -> str:
    value = values.get("symbol")
    if not isinstance(value, str):
        raise DataError(f"symbol is no text: {value!r:.40}.")
    return value


def _trade(values: Mapping[str, Any]) -> HeardTrade:
    price, size = _number(values, "price"), _number(values, "size")
    return HeardTrade(_symbol(values), _time(values, "time"), price, size, _whole(values, "seq"))


def _quote(values: Mapping[str, Any]) -> HeardQuote:
    return HeardQuote(_symbol(values), _time(values, "time"), _number(values, "bid"), _number(values, "ask"))


def _bar(values: Mapping[str, Any]) -> HeardBar:
    try:
        interval_ns = parse_interval(str(values.get("interval", "")))
    except ConfigError as error:
        raise DataError(str(error)) from None
    first, high, low, last, volume = (_number(values, name) for name in _NUMBERS)
    end_ns, is_missed = _time(values, "end") if "end" in values else 0, values.get("missed") is True
    start_ns = _time(values, "time")
    return HeardBar(_symbol(values), start_ns, interval_ns, first, high, low, last, volume, end_ns, is_missed)


def _denied(values: Mapping[str, Any]) -> Denied:
    return Denied(str(values.get("text", "no reason given")), values.get("code") == "NOT_AUTHORISED")


def _beat(_values: Mapping[str, Any]) -> Beat:
    return Beat()


_READERS: dict[str, Callable[[Mapping[str, Any]], Heard]] = {
    "trade": _trade,
    "quote": _quote,
    "bar": _bar,
    "denied": _denied,
    "beat": _beat,
}


class PlainDialect:
    """Speaks Tidemill's own format.

    Args:
        sizes_ns: of the bars a run decides on; they are asked for again after a gap.
    """

    def __init__(self, sizes_ns: Sequence[int]) -> None:
        self._intervals = [format_interval(size) for size in sizes_ns]

    def hello(self, symbols: Sequence[str]) -> list[str]:
        """Return the subscription."""
        return [_text(type="subscribe", format=PLAIN_FORMAT, symbols=list(symbols), intervals=self._intervals)]

    def ask(self, symbols: Sequence[str], since_ns: int, until_ns: int) -> list[str]:
        """Return the question for bars that ended after ``since_ns`` and not after ``until_ns``."""
        asked = {"symbols": list(symbols), "intervals": self._intervals, "since": since_ns, "until": until_ns}
        return [_text(type="missed", **asked)]

    def read(self, text: str) -> list[Heard]:
        """Return what one message says: an object, or an array of them.

        Raises:
            DataError: it is neither, or a field is missing or of another kind.
        """
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            raise DataError(f"This is no JSON: {text[:60]!r}.") from None
        return [self._one(values) for values in (said if isinstance(said, list) else [said])]

    def _one(self, values: Any) -> Heard:
        if not isinstance(values, Mapping):
            raise DataError(f"A message is a JSON object, not {values!r:.40}.")
        read = _READERS.get(str(values.get("type")))
        if read is None:
            raise DataError(f"There is no message of type {values.get('type')!r:.40}; there are {', '.join(_READERS)}.")
        return read(values)


def _text(**values: Any) -> str:
    return json.dumps(values, separators=(",", ":"))
