"""Bars from the user's own files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from os import PathLike
from pathlib import Path

import numpy as np

from tidemill.adapters.files.finish import CheckedBars, join_rows, settle_rows
from tidemill.adapters.files.rows import read_rows
from tidemill.adapters.files.shelf import RawRows
from tidemill.model.bars import DAY_NS, MINUTE_NS, SECOND_NS, BarTable
from tidemill.model.errors import ConfigError, DataError
from tidemill.model.fingerprint import bars_sha256
from tidemill.model.instrument import Instrument, infer_instrument
from tidemill.model.intervals import format_interval, parse_interval
from tidemill.model.zones import find_zone, from_local

__all__ = ["read_bars", "read_checked", "select_days", "symbol_of_file"]

Paths = str | PathLike[str] | Sequence[str | PathLike[str]]

_NAME = re.compile(r"^[A-Za-z0-9.^=/_-]{1,24}$")
_SUFFIX = re.compile(r"(\.(csv|txt|tsv|parquet|pq|gz|zip))+$", re.IGNORECASE)


def read_bars(
    paths: Paths,
    *,
    symbol: str | None = None,
    interval: str | None = None,
    mapping: Mapping[str, str] | None = None,
    zone: str | None = None,
    start: int | str | date | None = None,
    end: int | str | date | None = None,
    instrument: Instrument | None = None,
    sort: bool = False,
) -> list[BarTable]:
    """Read CSV or Parquet files into one table per symbol.

    Args:
        paths: one file or several; files of one symbol are joined into one stream.
        symbol: names the instrument, or picks one where files hold several.
        interval: bar size (``1min``, ``1d``), checked against the rows; found from them when left out.
        mapping: column role to column name, overriding the guess (``{"close": "Last"}``).
        zone: IANA zone of stamps that carry none; the exchange's when left out.
        start, end: a trading day (``2024-01-31`` or a date, both ends included), or UTC nanoseconds
            (end excluded).
        instrument: the instrument, where its symbol does not tell it.
        sort: sort unsorted rows instead of refusing them.

    Returns:
        Tables in the order in which the symbols were found. ``meta`` holds source, sha256, rows_read,
        rows_quarantined, rows_identical, simulated, warnings.

    Raises:
        ConfigError: the zone, the interval, a day or a column role does not exist.
        DataError: a file, its columns or its rows cannot be used, or no row lies between start and end.
        OutOfOrder: rows run backward and ``sort`` is off.
    """
    checked = read_checked(
        paths, symbol=symbol, interval=interval, mapping=mapping, zone=zone, instrument=instrument, sort=sort
    )
    tables = [item.bars for item in checked]
    return [select_days(bars, instrument or infer_instrument(bars.symbol), start, end) for bars in tables]


def read_checked(
    paths: Paths,
    *,
    symbol: str | None = None,
    interval: str | None = None,
    mapping: Mapping[str, str] | None = None,
    zone: str | None = None,
    instrument: Instrument | None = None,
    sort: bool = False,
) -> list[CheckedBars]:
    """Read files like ``read_bars``, together with the rows that were set aside and why."""
    if zone is not None:
        find_zone(zone)
    named_ns = parse_interval(interval) if interval else None
    files = [Path(paths)] if isinstance(paths, str | PathLike) else [Path(path) for path in paths]
    if not files:
        raise DataError("No data file was named; give one or more CSV or Parquet files.")
    by_symbol: dict[str, list[RawRows]] = {}
    for path in files:
        for part in read_rows(path, mapping, symbol, named_ns):
            by_symbol.setdefault(_name(part, symbol, path), []).append(part)
    return [
        _finish(name, parts, instrument or infer_instrument(name), zone, named_ns, sort)
        for name, parts in by_symbol.items()
    ]


def _finish(
    name: str, parts: list[RawRows], instrument: Instrument, zone: str | None, named_ns: int | None, sort: bool
) -> CheckedBars:
    """Settle and join all parts of one symbol."""
    filled = [part for part in parts if len(part.ts)]
    if not filled:
        reasons = parts[0].quarantine.counts()
        why = next(iter(reasons)).sentence if reasons else "No row matches."
        raise DataError(f"{parts[0].source} has no usable row of {name}. {why} See --map.")
    sizes = {settle_rows(part, instrument, zone, named_ns, sort): part.source for part in filled}
    if len(sizes) > 1:
        each = " and ".join(f"{source} holds {format_interval(size)}" for size, source in sizes.items())
        raise DataError(f"{each} bars of {name}; read one bar size at a time.")
    checked = join_rows(parts, name, instrument, next(iter(sizes)))
    checked.bars.meta["zone"] = zone or ("UTC" if not filled[0].is_local else instrument.zone)
    return checked


def _name(part: RawRows, symbol: str | None, path: Path) -> str:
    if symbol is not None:
        return symbol
    if part.symbol and _NAME.match(part.symbol):
        return part.symbol
    return symbol_of_file(path)


def symbol_of_file(path: Path) -> str:
    """Guess a symbol from a file's name: ``NQ_1min_sample.csv`` is NQ, ``btc-usd.parquet`` is BTC-USD."""
    stem = _SUFFIX.sub("", path.name)
    return re.split(r"[_\s]", stem.strip("_ "), maxsplit=1)[0].upper() or "DATA"


def select_days(
    bars: BarTable,
    instrument: Instrument,
    start: int | str | date | None,
    end: int | str | date | None,
) -> BarTable:
    """Return the bars between two trading days (both included) or UTC nanoseconds (end excluded).

    A stretch that is not the whole table has a hash of its own in ``meta``.

    Raises:
        ConfigError: a day is not written as 2024-01-31.
        DataError: no bar lies in between; the message says what range the data cover.
    """
    if start is None and end is None:
        return bars
    cut = bars.between(_edge(start, instrument, 0), _edge(end, instrument, 1))
    if "sha256" in bars.meta and len(cut) != len(bars):
        cut.meta["sha256"] = bars_sha256(cut)
    if not len(cut):
        first, last = (datetime.fromtimestamp(int(bars.ts[at]) // SECOND_NS, UTC) for at in (0, -1))
        raise DataError(
            f"{bars.symbol} has no bars between {start or 'its start'} and {end or 'its end'}; "
            f"the data run from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC."
        )
    return cut


def _edge(day: int | str | date | None, instrument: Instrument, days_after: int) -> int | None:
    """Return the UTC nanosecond at which a trading day begins, or one after it."""
    if day is None or isinstance(day, int):
        return day
    try:
        when = date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError:
        raise ConfigError(f"{day!r} is no day; write it as 2024-01-31.") from None
    number = (date(when.year, when.month, when.day) + timedelta(days=days_after) - date(1970, 1, 1)).days
    local = np.array([number * DAY_NS + instrument.day_roll_minutes * MINUTE_NS], np.int64)
    return int(from_local(local, instrument.zone).ts_ns[0])
