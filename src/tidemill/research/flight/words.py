"""Instants, money and names as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["instant_text", "money_text"]

_SECOND_NS = 1_000_000_000


def instant_text(ts_ns: int) -> str:
    """Return an instant as UTC text, with as many decimals as it has."""
    clock = datetime.fromtimestamp(ts_ns // _SECOND_NS, UTC)
    rest = f"{ts_ns % _SECOND_NS:09d}".rstrip("0")
    return f"{clock:%Y-%m-%d %H:%M:%S}{'.' + rest if rest else ''} UTC"


def money_text(micros: int) -> str:
    """Return money with two decimals, halves away from zero."""
    cents = (abs(micros) + 5_000) // 10_000
    return f"{'-' if micros < 0 and cents else ''}{cents // 100:,}.{cents % 100:02d}"
