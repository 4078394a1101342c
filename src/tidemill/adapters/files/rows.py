"""From a file to plain columns: which columns and rows are wanted, and the SQL that parses them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidemill.adapters.files.columns import Columns, match_columns
from tidemill.adapters.files.connect import quoted, quoted_name
from tidemill.adapters.files.shelf import VALUES, RawRows, Shelf
from tidemill.adapters.files.source import Source, open_source
from tidemill.adapters.files.stamps import NO_STAMP, StampPlan, plan_stamps
from tidemill.model.errors import ConfigError, DataError
from tidemill.model.intervals import format_interval, parse_interval

__all__ = ["read_rows", "symbols_in"]

_TRUE = ("1", "true", "yes", "t")


def read_rows(
    path: Path, mapping: Mapping[str, str] | None, symbol: str | None, interval_ns: int | None
) -> list[RawRows]:
    """Read one file.

    Args:
        path: CSV or Parquet file.
        mapping: role to column name, overriding the guess.
        symbol: where the file has a symbol column, the only symbol to keep.
        interval_ns: where the file has a column of bar sizes, the size to keep.

    Raises:
        DataError: the file, its columns, its stamps or its rows cannot be used.
    """
    with open_source(path) as source:
        columns = match_columns(source.name, list(source.types), mapping)
        plan = plan_stamps(source, columns.stamp)
        symbols = _symbols(source, columns, symbol)
        named_ns = _timeframe(source, columns, interval_ns) or _own_interval(source)
        warnings = list(plan.warnings)
        if columns.volume is None:
            warnings.append(f"{source.name} has no volume column; volume is zero.")
        rows = _load(source, columns, plan, symbols, interval_ns, warnings)
        simulated = source.metadata.get("simulated", "").lower() in _TRUE or _column_true(source, columns)
        for part in rows:
            part.interval_ns, part.is_simulated = named_ns, simulated
            if part.symbol is None:
                part.symbol = source.metadata.get("symbol")
        return rows


def symbols_in(path: Path, mapping: Mapping[str, str] | None = None) -> list[str]:
    """Return the symbols that a file itself names, in a column or in its metadata; most files name none.

    Raises:
        DataError: the file or its columns cannot be used.
    """
    with open_source(path) as source:
        named = _symbols(source, match_columns(source.name, list(source.types), mapping), None)
        return named or [source.metadata["symbol"]] if "symbol" in source.metadata else named


def _symbols(source: Source, columns: Columns, wanted: str | None) -> list[str]:
    """Return the symbols to keep, numbered by their place; empty where the file has no symbol column."""
    if columns.symbol is None:
        return []
    name = quoted_name(columns.symbol)
    found = [str(row[0]) for row in source.query(f"DISTINCT trim({name}::VARCHAR) AS s", "WHERE s <> '' ORDER BY s")]
    if wanted is None:
        return found
    same = [name for name in found if name.upper() == wanted.upper()]
    if found and not same:
        some = ", ".join(found[:10]) + (", ..." if len(found) > 10 else "")
        raise DataError(f"{source.name} has no rows of {wanted}; it holds {some}.")
    return same


def _timeframe(source: Source, columns: Columns, interval_ns: int | None) -> int | None:
    """Return the bar size a file's own column names, after checking that it is one."""
    if columns.timeframe is None:
        return None
    rows = source.query(f"DISTINCT {quoted_name(columns.timeframe)}::VARCHAR AS s", "WHERE s IS NOT NULL ORDER BY s")
    try:
        sizes = {parse_interval(row[0]) for row in rows}
    except ConfigError:
        return None
    if interval_ns in sizes:
        return interval_ns
    if len(sizes) > 1:
        names = " and ".join(format_interval(size) for size in sorted(sizes))
        raise DataError(f"{source.name} mixes {names} bars; choose one with --interval.")
    return next(iter(sizes), None)


def _own_interval(source: Source) -> int | None:
    """Return the bar size that Tidemill wrote into its own Parquet file."""
    if source.metadata.get("writer") != "tidemill" or "interval" not in source.metadata:
        return None
    return parse_interval(source.metadata["interval"])


def _column_true(source: Source, columns: Columns) -> bool:
    if columns.simulated is None:
        return False
    name = quoted_name(columns.simulated)
    return any(str(row[0]).lower() in _TRUE for row in source.query(f"DISTINCT {name}"))


def _number(source: Source, column: str) -> str:
    """Return SQL for one price or volume column as float64, NaN where it cannot be read."""
    name = quoted_name(column)
    expression = name
    if source.is_text:
        sample = [row[0] for row in source.query(name, f"WHERE {name} IS NOT NULL LIMIT 1000")]
        if any("$" in text for text in sample):
            expression = f"replace({expression}, '$', '')"
        if any("," in text for text in sample):
            is_decimal = _has_decimal_comma(sample, source.delimiter)
            expression = f"replace({expression}, ',', '{'.' if is_decimal else ''}')"
        expression = f"trim({expression})"
    return f"COALESCE(TRY_CAST({expression} AS DOUBLE), 'nan'::DOUBLE)"


def _has_decimal_comma(sample: Sequence[str], delimiter: str) -> bool:
    """Tell 10,5 from 1,000: a comma beside a point, or groups of three in a comma-separated file, mean thousands."""
    if any("." in text for text in sample):
        return False
    grouped = all(re.fullmatch(r"\s*\$?\d{1,3}(,\d{3})*\s*", text) for text in sample)
    return not (grouped and delimiter == ",")


def _code(source: Source, columns: Columns, symbols: Sequence[str], interval_ns: int | None) -> str:
    """Return SQL for a row's place in ``symbols``, -1 for a row that is not asked for."""
    code = "0"
    if columns.symbol is not None:
        names = ", ".join(quoted(name) for name in symbols)
        source.connection.execute(f"CREATE TYPE known_symbol AS ENUM ({names})")
        code = f"COALESCE(enum_code(TRY_CAST(trim({quoted_name(columns.symbol)}::VARCHAR) AS known_symbol)), -1)"
    if columns.timeframe is not None and interval_ns is not None:
        name = quoted_name(columns.timeframe)
        texts = [row[0] for row in source.query(f"DISTINCT {name}::VARCHAR AS s", "WHERE s IS NOT NULL")]
        other = ", ".join(quoted(text) for text in texts if not _is_size(text, interval_ns))
        code = f"CASE WHEN {name}::VARCHAR IN ({other}) THEN -1 ELSE {code} END" if other else code
    return f"CAST({code} AS INTEGER)"


def _is_size(text: str, interval_ns: int) -> bool:
    try:
        return parse_interval(text) == interval_ns
    except ConfigError:
        return True


def _load(
    source: Source,
    columns: Columns,
    plan: StampPlan,
    symbols: Sequence[str],
    interval_ns: int | None,
    warnings: list[str],
) -> list[RawRows]:
    """Read all pieces into one set of columns and split it by symbol."""
    names = (columns.open, columns.high, columns.low, columns.close)
    select = [f"COALESCE({plan.sql}, {NO_STAMP}) AS ts"]
    select += [f"{_number(source, name)} AS {role}" for name, role in zip(names, VALUES[:4], strict=True)]
    select.append(f"{_volume(source, columns, warnings)} AS volume")
    if columns.symbol is not None or columns.timeframe is not None:
        select.append(f"{_code(source, columns, symbols, interval_ns)} AS code")
    total, pieces = source.pieces(", ".join(select))
    if total + len(source.rejected) == 0:
        raise DataError(f"{source.name} has a header but no rows; export it again.")
    shelf = Shelf(source, total, max(len(symbols), 1))
    for piece in pieces:
        shelf.take(piece)
    return shelf.parts(symbols, plan.is_local, warnings)


def _volume(source: Source, columns: Columns, warnings: list[str]) -> str:
    """Return SQL for the volume, zero throughout where the file has no number in that column."""
    if columns.volume is None:
        return "0.0::DOUBLE"
    number = _number(source, columns.volume)
    name = quoted_name(columns.volume)
    if not source.query("1", f"WHERE {name} IS NOT NULL LIMIT 1"):
        warnings.append(f"{source.name} has an empty volume column; volume is zero.")
        return "0.0::DOUBLE"
    return number
