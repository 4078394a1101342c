"""What the texts of flags mean: sizes, slippage, percents, weekdays, durations, ``name=value`` pairs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, TypeVar

from tidemill.model.enums import Sizing, Slippage
from tidemill.model.errors import ConfigError
from tidemill.model.parsing import parse_enum
from tidemill.model.settings import DAYS

__all__ = [
    "parse_days",
    "parse_latency",
    "parse_loss",
    "parse_number",
    "parse_pairs",
    "parse_percent",
    "parse_ratio",
    "parse_sizing",
    "parse_slippage",
    "parse_trailing",
]

_E = TypeVar("_E", bound=IntEnum)

_SIZINGS = {"risk": Sizing.RISK_PERCENT, "equal": Sizing.EQUAL_WEIGHT}
_MILLISECONDS = {"ms": 1.0, "s": 1_000.0, "min": 60_000.0, "": 1.0}
_POINTS = ("points", "point", "pts", "pt")
_PERCENT = 100.0


def parse_number(text: Any, what: str, example: str) -> float:
    """Read a number; ``what`` and ``example`` are for the refusal."""
    try:
        value = float(text) if not isinstance(text, bool) else None
    except (TypeError, ValueError):
        value = None
    if value is None or math.isnan(value):
        raise ConfigError(f"{what} must be a number, not {text!r}; write for example {example}.")
    return value


def parse_percent(text: Any, flag: str) -> float:
    """Read ``2`` or ``2%`` as 2.0 percent."""
    return parse_number(str(text).strip().removesuffix("%").strip(), f"--{flag}", f"--{flag} 2 (percent)")


def parse_ratio(text: Any, flag: str) -> float:
    """Read ``0.1`` or ``10%`` as 0.1."""
    plain = str(text).strip()
    if plain.endswith("%"):
        return parse_percent(plain, flag) / _PERCENT
    return parse_number(plain, f"--{flag}", f"--{flag} 0.1 or 10%")


def parse_trailing(text: Any) -> tuple[float, float]:
    """Read a trailing stop as (percent, price points), one of them zero."""
    plain = str(text).strip().lower()
    for ending in _POINTS:
        if plain.endswith(ending):
            return 0.0, parse_number(plain.removesuffix(ending), "--trailing-stop", "2 (percent) or 1.5pt (points)")
    return parse_percent(plain, "trailing-stop"), 0.0


def parse_loss(text: Any) -> tuple[float, float]:
    """Read a daily loss limit as (percent, money), one of them zero."""
    plain = str(text).strip()
    if plain.endswith("%"):
        return parse_percent(plain, "daily-loss"), 0.0
    return 0.0, parse_number(plain, "--daily-loss", "2% of equity, or 500 in money")


def parse_latency(text: Any) -> float:
    """Read ``200ms``, ``1.5s`` or plain milliseconds as milliseconds."""
    found = re.fullmatch(r"([0-9.]+)\s*(ms|s|min|)", str(text).strip().lower())
    if found is None:
        raise ConfigError(f"--latency cannot be {text!r}; write for example 200ms or 1.5s.")
    return parse_number(found[1], "--latency", "200ms or 1.5s") * _MILLISECONDS[found[2]]


def _method(text: Any, flag: str, kind: type[_E], names: dict[str, _E]) -> tuple[_E, str]:
    """Split ``method:value`` and read the method."""
    name, _, value = str(text).strip().partition(":")
    plain = name.strip().lower()
    return names[plain] if plain in names else parse_enum(kind, plain, f"--{flag}"), value.strip()


def parse_sizing(text: Any) -> tuple[Sizing, float]:
    """Read ``fixed:1``, ``percent:10``, ``risk:1``, ``kelly:0.5`` or ``equal`` as method and value."""
    example = "fixed:1, fixed_amount:5000, percent:10, risk:1, kelly:0.5 or equal"
    method, value = _method(text, "sizing", Sizing, _SIZINGS)
    if method is Sizing.EQUAL_WEIGHT and not value:
        return method, _PERCENT
    if not value:
        raise ConfigError(f"--sizing {text!r} has no value; write for example {example}.")
    return method, parse_number(value.removesuffix("%"), f"The value of --sizing {text!r}", example)


def parse_slippage(text: Any) -> tuple[Slippage, float]:
    """Read ``fixed:0.01``, ``proportional:0.05``, ``half_spread:0.02`` or ``none`` as model and value."""
    example = "fixed:0.01, proportional:0.05, half_spread:0.02 or none"
    model, value = _method(text, "slippage", Slippage, {})
    if model is Slippage.NONE:
        return model, 0.0
    if not value:
        raise ConfigError(f"--slippage {text!r} has no value; write for example {example}.")
    return model, parse_number(value.removesuffix("%"), f"The value of --slippage {text!r}", example)


def parse_days(text: Any) -> tuple[str, ...]:
    """Read ``MON-FRI``, ``MON,WED`` or a list of weekdays."""
    parts = text if isinstance(text, list) else str(text).split(",")
    days: list[str] = []
    for part in parts:
        first, dash, last = (piece.strip().upper() for piece in str(part).partition("-"))
        for day in (first, last) if dash else (first,):
            if day not in DAYS:
                raise ConfigError(f"There is no weekday {day!r}; write for example MON-FRI or MON,WED,FRI.")
        at = DAYS.index(first)
        length = (DAYS.index(last) - at) % len(DAYS) if dash else 0
        days += [DAYS[(at + step) % len(DAYS)] for step in range(length + 1)]
    return tuple(day for day in DAYS if day in days)


def parse_pairs(items: Iterable[str], flag: str, example: str) -> dict[str, str]:
    """Read ``name=value`` texts; the last word on a name counts."""
    pairs = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise ConfigError(f"--{flag} {item!r} is not NAME=VALUE; write for example --{flag} {example}.")
        pairs[name.strip()] = value.strip()
    return pairs
