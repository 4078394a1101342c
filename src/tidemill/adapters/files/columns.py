"""Which column of a file holds what: guessed from its names, overridden by the user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemill.model.errors import DataError, UnknownName

__all__ = ["Columns", "match_columns"]

# Spellings seen in exports of common vendors, lower case without punctuation, best first.
_NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": (
        "timestamp", "datetime", "ts", "tsevent", "windowstart", "opentime", "starttime", "bartime", "unix",
        "unixtime", "epoch", "time", "date", "session", "day", "tradedate", "dt", "t",
    ),
    "open": ("open", "o", "openprice", "first"),
    "high": ("high", "h", "highprice", "max"),
    "low": ("low", "l", "lowprice", "min"),
    "close": ("close", "c", "closeprice", "last", "closelast"),
    "volume": ("volume", "vol", "v", "tradedvolume", "totalvolume", "tickvol", "tickvolume"),
    "symbol": ("symbol", "ticker", "sym", "instrument"),
    "timeframe": ("timeframe", "tf", "interval", "barsize", "resolution"),
    "simulated": ("simulated",),
}  # fmt: skip
_DATES = ("date", "day", "tradedate")
_TIMES = ("time", "timeofday")
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Columns:
    """The file's own names for each role; None where the file has no such column.

    Args:
        stamp: one name, or two (date, time of day).
    """

    stamp: tuple[str, ...]
    open: str
    high: str
    low: str
    close: str
    volume: str | None
    symbol: str | None
    timeframe: str | None
    simulated: str | None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def match_columns(source: str, names: Sequence[str], mapping: Mapping[str, str] | None) -> Columns:
    """Find stamp, prices, volume and symbol among a file's columns.

    Args:
        source: file name for messages.
        names: the columns the file has.
        mapping: role to column name, overriding the guess (``{"close": "Last"}``). ``date`` together with
            ``time`` names a stamp split over two columns.

    Raises:
        UnknownName: the mapping names a role that does not exist.
        DataError: a needed column is missing or the mapping names one the file has not.
    """
    wanted = dict(mapping or {})
    for role, name in wanted.items():
        if role not in (*_NAMES, "date", "time"):
            raise UnknownName("column role", role, [*_NAMES, "date", "time"])
        if name not in names:
            raise DataError(f"{source} has no column {name!r} for {role}; it has: {', '.join(names)}.")
    by_plain = {_plain(name): name for name in reversed(names)}
    found = {role: wanted.get(role) or _guess(role, by_plain) for role in _NAMES}
    missing = [role for role in _PRICES if found[role] is None]
    stamp = _stamp(wanted, by_plain, found["timestamp"])
    if not stamp:
        missing.insert(0, "timestamp")
    if missing:
        raise DataError(
            f"{source} has no column for {', '.join(missing)}; it has: {', '.join(names)}. "
            f"Name it with --map {missing[0]}=COLUMN."
        )
    open_, high, low, close = (found[role] or "" for role in _PRICES)
    volume, symbol, timeframe, simulated = (found[role] for role in ("volume", "symbol", "timeframe", "simulated"))
    return Columns(stamp, open_, high, low, close, volume, symbol, timeframe, simulated)


def _guess(role: str, by_plain: Mapping[str, str]) -> str | None:
    exact = next((by_plain[name] for name in _NAMES[role] if name in by_plain), None)
    if exact is None and role == "volume":
        return next((name for plain, name in by_plain.items() if plain.startswith("volume")), None)
    return exact


def _stamp(wanted: Mapping[str, str], by_plain: Mapping[str, str], single: str | None) -> tuple[str, ...]:
    """Return the stamp's column, or its date and time columns where a file splits them."""
    if "timestamp" in wanted:
        return (wanted["timestamp"],)
    day = wanted.get("date") or next((by_plain[name] for name in _DATES if name in by_plain), None)
    clock = wanted.get("time") or next((by_plain[name] for name in _TIMES if name in by_plain), None)
    is_split = "date" in wanted or "time" in wanted or single in (day, clock)
    if day and clock and is_split:
        return (day, clock)
    if "date" in wanted:
        return (wanted["date"],)
    return (single,) if single else ()
