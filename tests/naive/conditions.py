"""Condition trees as their definition reads: the JSON itself, walked by hand over whole series of naive indicators.

It knows nothing of programs, registers or typed trees. ``None`` stands for unknown.
"""

from __future__ import annotations

import json
import math
from typing import Any

from naive.indicators import NAIVE

__all__ = ["NEAR", "signals_of"]

NEAR = 1e-9  # two numbers this close, relative to their size, may be told apart by rounding alone
Bars = dict[str, list[float]]


class Tie(Exception):
    """Two numbers are equal, or may be but for rounding."""


def _series(given: dict[str, Any], bars: Bars, line: str | None = None) -> list[float]:
    """Return a series, worked out once for these bars."""
    key = json.dumps([given, line])
    if key not in bars:
        bars[key] = _worked_out(given, bars, line)
    return bars[key]


def _worked_out(given: dict[str, Any], bars: Bars, line: str | None) -> list[float]:
    values = {**given, **given.get("params", {})}
    kind, source = values["type"], bars.get(values.get("source", "close"), [])
    output = line or values.get("output")
    if kind in ("price", "volume"):
        return bars["volume"] if kind == "volume" else source
    if kind in ("sma", "ema"):
        return NAIVE[kind](source, window=values.get("period", 20))["value"]
    if kind == "rsi":
        return NAIVE["rsi"](source, window=values.get("period", 14), smoothing=0)["value"]
    if kind == "macd":
        periods = [values.get(f"{name}Period", usual) for name, usual in (("fast", 12), ("slow", 26), ("signal", 9))]
        lines = NAIVE["macd"](source, fast_window=periods[0], slow_window=periods[1], signal_window=periods[2])
        return lines[output or "line"]
    if kind == "bollingerBands":
        chosen = {"window": values.get("period", 20), "multiplier": values.get("multiplier", 2.0), "ma_type": 0}
        lines = NAIVE["bollinger"](source, **chosen)
        lines["width"] = [high - low for high, low in zip(lines["upper"], lines["lower"], strict=True)]
        return lines[output or "middle"]
    return _vwap(bars, values.get("period"))


def _vwap(bars: Bars, period: int | None) -> list[float]:
    typical = [(h + low + c) / 3.0 for h, low, c in zip(bars["high"], bars["low"], bars["close"], strict=True)]
    found = []
    for end in range(1, len(typical) + 1):
        start = 0 if period is None else end - period
        volume = bars["volume"][max(start, 0) : end]
        turnover = math.fsum(p * v for p, v in zip(typical[max(start, 0) : end], volume, strict=True))
        found.append(turnover / math.fsum(volume) if start >= 0 and math.fsum(volume) > 0 else math.nan)
    return found


def _is_above(first: float, second: float) -> bool | None:
    if math.isnan(first) or math.isnan(second):
        return None
    if abs(first - second) <= NEAR * max(abs(first), abs(second), 1e-3):
        raise Tie
    return first > second


def _both(first: bool | None, second: bool | None) -> bool | None:
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _crosses(first: list[float], second: list[float], at: int) -> bool | None:
    """Above now, and not above on the bar before."""
    if at == 0:
        return None
    now, before = _is_above(first[at], second[at]), _is_above(first[at - 1], second[at - 1])
    return None if now is None or before is None else now and not before


def _right(given: dict[str, Any], bars: Bars) -> list[float]:
    value = given.get("refIndicator", given.get("value"))
    if value is None:
        value = {"overbought": 70, "oversold": 30}.get(given["condition"], 0)
    if isinstance(value, dict):
        return _series(value, bars)
    if isinstance(value, str):
        return bars["close" if value == "price" else value]
    return [float(value)] * len(bars["close"])


def _condition(given: dict[str, Any], bars: Bars, at: int) -> bool | None:
    word = given["condition"]
    values = {**given, **given.get("params", {})}

    def line(name: str) -> list[float]:
        return _series(given, bars, name)

    def above(first: list[float], second: list[float]) -> bool | None:
        return _is_above(first[at], second[at])

    left = _series(given, bars)
    price = bars["close" if given["type"] == "vwap" else values.get("source", "close")]
    nothing = [0.0] * len(price)
    if word in ("above", "below", "crossesAbove", "crossesBelow", "overbought", "oversold"):
        right = _right(given, bars)
        return {
            "above": lambda: above(left, right),
            "below": lambda: above(right, left),
            "crossesAbove": lambda: _crosses(left, right, at),
            "crossesBelow": lambda: _crosses(right, left, at),
            "overbought": lambda: _not(above(right, left)),
            "oversold": lambda: _not(above(left, right)),
        }[word]()
    return {
        "signalAbove": lambda: above(line("line"), line("signal")),
        "signalBelow": lambda: above(line("signal"), line("line")),
        "crossesAboveSignal": lambda: _crosses(line("line"), line("signal"), at),
        "crossesBelowSignal": lambda: _crosses(line("signal"), line("line"), at),
        "histogramPositive": lambda: above(line("histogram"), nothing),
        "histogramNegative": lambda: above(nothing, line("histogram")),
        "priceBelowLower": lambda: above(line("lower"), price),
        "priceAboveUpper": lambda: above(price, line("upper")),
        "priceBetweenMiddleAndUpper": lambda: _both(above(price, line("middle")), above(line("upper"), price)),
        "priceBetweenMiddleAndLower": lambda: _both(above(line("middle"), price), above(price, line("lower"))),
        "priceCrossesAboveMiddle": lambda: _crosses(price, line("middle"), at),
        "priceCrossesBelowMiddle": lambda: _crosses(line("middle"), price, at),
        "bandsExpanding": lambda: _is_above(line("width")[at], line("width")[at - 1]) if at else None,
        "bandsContracting": lambda: _is_above(line("width")[at - 1], line("width")[at]) if at else None,
        "priceAbove": lambda: above(price, left),
        "priceBelow": lambda: above(left, price),
        "priceCrossesAbove": lambda: _crosses(price, left, at),
        "priceCrossesBelow": lambda: _crosses(left, price, at),
    }[word]()


def _node(given: Any, bars: Bars, at: int) -> bool | None:
    if isinstance(given, list):
        given = {"type": "or", "children": given}
    if given["type"] == "indicator":
        return _condition(given["indicator"], bars, at)
    below = [_node(child, bars, at) for child in given.get("children", [given.get("child")])]
    if given["type"] == "not":
        return _not(below[0])
    stops = given["type"] == "or"  # one such answer decides
    if stops in below:
        return stops
    return None if None in below else not stops


def signals_of(document: dict[str, Any], bars: Bars) -> list[int | None]:
    """Return 1, -1 or 0 after each bar, None where only rounding could decide.

    Args:
        bars: open, high, low, close, volume by name, and the mean prices hl2, hlc3, ohlc4.
    """
    bars = dict(bars)
    found: list[int | None] = []
    for at in range(len(bars["close"])):
        try:
            buys, sells = (_node(document[f"{side}_conditions"], bars, at) for side in ("buy", "sell"))
            found.append(0 if at < 9 else 1 if buys else -1 if sells else 0)
        except Tie:
            found.append(None)
    return found
