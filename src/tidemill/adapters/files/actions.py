"""Splits and dividends from the user's own file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.files.connect import quoted_name
from tidemill.adapters.files.source import open_source
from tidemill.model.actions import CORPORATE_ACTION
from tidemill.model.daily import session_start_ns
from tidemill.model.enums import EventKind
from tidemill.model.errors import DataError
from tidemill.model.instrument import infer_instrument

__all__ = ["read_corporate_actions"]

_NAMES = {
    "symbol": ("symbol", "ticker"),
    "ex_date": ("exdate", "exday", "exdividenddate", "date", "effectivedate", "executiondate"),
    "type": ("type", "kind", "action", "event"),
    "split_ratio": ("splitratio", "ratio", "split", "splitfactor", "splits", "stocksplits"),
    "dividend_cash": ("dividendcash", "dividend", "cash", "dividends", "amount", "cashamount"),
}
_EPOCH = date(1970, 1, 1)
# Beyond one in a thousand a "split" is a typing error.
_MOST_RATIO = 1000.0


def read_corporate_actions(path: str | Path, symbols: Iterable[str] | None = None) -> NDArray[np.void]:
    """Read splits and dividends, sorted by ex-date and symbol.

    Args:
        path: CSV or Parquet with the columns symbol, ex_date, split_ratio and dividend_cash (either may be missing
            or empty in a row; a type column is checked when there is one). A split ratio is new shares per old
            share, also written 7:1 or 7/1; cash is per share before the split of the same day.
        symbols: symbols to keep; all when left out.

    Returns:
        Array of ``CORPORATE_ACTION`` rows; ``ts_ns`` is the start of the session on the ex-date.

    Raises:
        DataError: a column is missing, or a row has no date, no value, or an impossible one.
    """
    with open_source(Path(path), least_columns=3) as source:
        by_plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(list(source.types))}
        found = {role: next((by_plain[n] for n in names if n in by_plain), None) for role, names in _NAMES.items()}
        needed = [role for role in ("symbol", "ex_date") if found[role] is None]
        if needed or not (found["split_ratio"] or found["dividend_cash"]):
            missing = ", ".join(needed) or "split_ratio or dividend_cash"
            raise DataError(f"{source.name} has no column for {missing}; it has: {', '.join(source.types)}.")
        parts = [f"{quoted_name(name)}::VARCHAR" if name else "NULL" for name in found.values()]
        rows = source.query(", ".join(parts))
    wanted = {name.upper() for name in symbols} if symbols is not None else None
    events: list[tuple[str, int, int, float]] = []
    for number, row in enumerate(rows, 1):
        if row[0] and (wanted is None or row[0].strip().upper() in wanted):
            events += _events(Path(path).name, number, row)
    return _table(events)


def _events(source: str, number: int, row: tuple[Any, ...]) -> list[tuple[str, int, int, float]]:
    """Return the split and the dividend a row holds: symbol, ex-day, kind, value."""
    symbol, day_text, type_text, ratio_text, cash_text = (str(cell or "").strip() for cell in row)
    where = f"{source}: row {number} ({symbol})"
    try:
        day = (date.fromisoformat(day_text[:10]) - _EPOCH).days
        ratio, cash = _ratio(ratio_text), float(cash_text or 0.0)
    except ValueError:
        raise DataError(f"{where} has a date or a number that cannot be read; write 2014-06-09 and 7.0.") from None
    if not (1 / _MOST_RATIO <= ratio <= _MOST_RATIO and 0.0 <= cash < np.inf):
        raise DataError(f"{where} has an impossible split ratio {ratio:g} or dividend {cash:g}.")
    kinds = {"split": ratio != 1.0, "dividend": cash > 0.0}
    named = next((kind for kind in kinds if kind in type_text.lower()), None)
    is_empty = not kinds[named] if named is not None else not any(kinds.values())
    if is_empty:
        raise DataError(f"{where} is called a {named or 'corporate action'} but holds no value for one.")
    events = [(symbol, day, int(EventKind.SPLIT), ratio)] if kinds["split"] else []
    return events + ([(symbol, day, int(EventKind.DIVIDEND), cash)] if kinds["dividend"] else [])


def _ratio(text: str) -> float:
    """Return new shares per old share from ``7``, ``7:1`` or ``7/1``; empty and 0 mean no split."""
    new, _, old = re.sub(r"\s*(:|/|for)\s*", ":", text).partition(":")
    ratio = float(new or 0.0) / (float(old) if old else 1.0) if float(old or 1.0) else -1.0
    return 1.0 if ratio == 0.0 else ratio


def _table(events: list[tuple[str, int, int, float]]) -> NDArray[np.void]:
    table = np.zeros(len(events), CORPORATE_ACTION)
    for row, (symbol, day, kind, value) in zip(table, events, strict=True):
        row["symbol"], row["ex_day"], row["kind"], row["value"] = symbol, day, kind, value
    for symbol in np.unique(table["symbol"]):
        own = table["symbol"] == symbol
        table["ts_ns"][own] = session_start_ns(infer_instrument(str(symbol)), table["ex_day"][own])
    return np.sort(table, order=["ts_ns", "symbol", "kind"])
