"""Words and numbers of settings: read from any common spelling, held within bounds, told as plain values."""

from __future__ import annotations

import difflib
from enum import IntEnum
from typing import Any, TypeVar

from tidemill.model.errors import ConfigError

__all__ = ["as_plain", "check_bounds", "check_interval", "parse_enum", "parse_minutes", "parse_window"]

_CHECK_S = (60, 3600)  # bounds of a scheduler's check interval
_E = TypeVar("_E", bound=IntEnum)


def parse_enum(kind: type[_E], text: str | int | _E, what: str) -> _E:
    """Read an enum member from any common spelling (``STOPLIMIT``, ``StopLimit``, ``stop_limit``)."""
    if isinstance(text, kind):
        return text
    if isinstance(text, int) and text in kind._value2member_map_:
        return kind(text)
    plain = "".join(ch for ch in str(text).lower() if ch.isalnum())
    for member in kind:
        if member.name.replace("_", "").lower() == plain:
            return member
    names = [member.name.lower() for member in kind]
    near = difflib.get_close_matches(str(text).lower(), names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(names)}."
    raise ConfigError(f"{what} cannot be {text!r}; {hint}")


def parse_minutes(text: str) -> int:
    """Read ``HH:MM`` as minutes after midnight; 24:00 is the end of the day."""
    hours, _, minutes = text.strip().partition(":")
    if hours.isdigit() and minutes.isdigit() and len(minutes) == 2:
        value = int(hours) * 60 + int(minutes)
        if value <= 1440 and int(minutes) < 60:
            return value
    raise ConfigError(f"{text!r} is no time of day; write HH:MM, for example 09:30.")


def check_bounds(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Raise ConfigError unless a value lies within its bounds; the unit is for the sentence."""
    if not (low <= value <= high):
        raise ConfigError(f"{name} must lie between {low:g} and {high:g} {unit}, not {value:g}.")


def parse_window(text: str) -> tuple[int, int]:
    """Read ``HH:MM-HH:MM`` as minutes after midnight. Raises ConfigError: it is none, or empty."""
    start, dash, end = text.partition("-")
    if not dash:
        raise ConfigError(
            f"{text!r} is no window; write HH:MM-HH:MM, for example 09:30-16:00, and a comma between several."
        )
    first, last = parse_minutes(start), parse_minutes(end)
    if first == last:
        raise ConfigError(f"The window {text!r} is empty; its start and end must differ.")
    return first, last


def check_interval(seconds: int) -> int:
    """Return the seconds between two looks at the market.

    Raises:
        ConfigError: out of bounds.
    """
    low, high = _CHECK_S
    if seconds and not (low <= seconds <= high):
        raise ConfigError(
            f"check_interval must lie between {low} and {high} seconds, not {seconds}; "
            "leave it out to look at every bar close."
        )
    return seconds


def as_plain(settings: Any) -> dict[str, Any]:
    """Return settings of any kind as plain values: choices by name, tuples as lists, parts as dictionaries."""

    def plain(value: Any) -> Any:
        if isinstance(value, IntEnum):
            return value.name.lower()
        if hasattr(value, "__dataclass_fields__"):
            return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
        return list(value) if isinstance(value, tuple) else value

    result: dict[str, Any] = plain(settings)
    return result
