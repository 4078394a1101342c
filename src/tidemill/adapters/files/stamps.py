"""How a file writes time, and the SQL that turns it into nanoseconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.adapters.files.connect import quoted, quoted_name
from tidemill.adapters.files.source import Source
from tidemill.model.errors import DataError

__all__ = ["NO_STAMP", "StampPlan", "plan_stamps"]

# What an unreadable stamp becomes: the smallest int64, far before any market.
NO_STAMP = -(2**63)

_SAMPLE_ROWS = 2000
_HAS_OFFSET = re.compile(r"\d\s*(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$", re.IGNORECASE)
_HAS_CLOCK = re.compile(r"\d:\d\d")
_ISO_START = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H%M", " %H%M%S", ";%H%M%S")
_DATES = ("%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d-%b-%Y", "%b %d, %Y", "%Y-%m-%d")
_MONTH_FIRST, _DAY_FIRST = "%m/%d/%Y", "%d/%m/%Y"
_INTEGERS = ("BIGINT", "UBIGINT", "INTEGER", "UINTEGER", "HUGEINT", "DOUBLE", "FLOAT")


@dataclass(frozen=True, slots=True)
class StampPlan:
    """How to read the stamps of one file.

    Args:
        sql: expression giving int64 nanoseconds since 1970, or NULL.
        is_local: whether they are wall-clock times still without a zone.
        warnings: sentences for the user.
    """

    sql: str
    is_local: bool
    warnings: tuple[str, ...] = ()


def plan_stamps(source: Source, stamp: Sequence[str]) -> StampPlan:
    """Decide how a file's stamps are written.

    Args:
        source: the open file.
        stamp: one column, or a date and a time column.

    Raises:
        DataError: the stamps follow no known form, or some carry a zone and others do not.
    """
    kind = source.types[stamp[0]]
    name = quoted_name(stamp[0])
    if len(stamp) == 2:
        if kind == "DATE" and source.types[stamp[1]].startswith("TIME"):
            return StampPlan(f"epoch_ns({name} + {quoted_name(stamp[1])})", True)
        text = f"(trim({name}::VARCHAR) || ' ' || trim({quoted_name(stamp[1])}::VARCHAR))"
        return _plan_text(source, text)
    if kind == "DATE":
        return StampPlan(f"epoch_ns({name}::TIMESTAMP)", True)
    if kind.startswith("TIMESTAMP"):
        return StampPlan(f"TRY(epoch_ns({name}))", "TZ" not in kind and "ZONE" not in kind)
    if kind in _INTEGERS or kind.startswith("DECIMAL"):
        return _plan_epoch(source, name, f"{name}")
    return _plan_text(source, f"trim({name})")


def _sample(source: Source, expression: str) -> list[str]:
    rows = source.query(f"{expression}::VARCHAR", f"WHERE {expression} IS NOT NULL LIMIT {_SAMPLE_ROWS}")
    return [row[0] for row in rows if row[0]]


def _plan_epoch(source: Source, name: str, expression: str) -> StampPlan:
    """Tell seconds, milliseconds, microseconds and nanoseconds since 1970 (or a date as a number) by their size."""
    sample = [abs(float(text)) for text in _sample(source, expression)]
    size = max(sample, default=0.0)
    if min(sample, default=0.0) >= 19_000_101 and size <= 22_001_231:
        text = f"TRY_CAST({name} AS BIGINT)::VARCHAR"
        return StampPlan(f"TRY(epoch_ns(try_strptime({text}, '%Y%m%d')))", True)
    # The year 2286 in each unit: seconds have ten digits until then.
    scale = 10**9 if size < 1e10 else 10**6 if size < 1e13 else 10**3 if size < 1e16 else 1
    whole = source.types.get(name.strip('"'), "") not in ("DOUBLE", "FLOAT", "VARCHAR")
    if whole or all("." not in text for text in _sample(source, expression)):
        return StampPlan(f"TRY(TRY_CAST({name} AS BIGINT) * {scale})", False)
    # A fraction of a second in a double is exact to the microsecond only.
    return StampPlan(f"TRY(CAST(round(TRY_CAST({name} AS DOUBLE) * {scale // 1000}) AS BIGINT) * 1000)", False)


def _plan_text(source: Source, expression: str) -> StampPlan:
    sample = _sample(source, expression)
    if not sample:
        return StampPlan("NULL::BIGINT", True)
    usual = sorted(sample, key=len)[len(sample) // 2]
    if re.fullmatch(r"\d+(\.\d+)?", usual) and len(usual.split(".")[0]) not in (8, 12, 14):
        return _plan_epoch(source, expression, f"TRY_CAST({expression} AS DOUBLE)")
    if _ISO_START.match(usual):
        return _plan_iso(source, expression, sample)
    text = f"replace({expression}, 'T', ' ')" if re.search(r"\dT\d", usual) else expression
    return _plan_form(source, text, usual)


def _plan_iso(source: Source, expression: str, sample: Sequence[str]) -> StampPlan:
    """Plan ISO 8601: a stamp with an offset is UTC after reading, one without is a wall clock's."""
    aware = [bool(_HAS_CLOCK.search(text) and _HAS_OFFSET.search(text)) for text in sample if _ISO_START.match(text)]
    if any(aware) and not all(aware):
        raise DataError(
            f"{source.name} mixes stamps with and without a time-zone offset; write all of them in one way."
        )
    kind = "TIMESTAMPTZ" if any(aware) else "TIMESTAMP_NS"
    return StampPlan(f"TRY(epoch_ns(TRY_CAST({expression} AS {kind})))", not any(aware))


def _plan_form(source: Source, expression: str, usual: str) -> StampPlan:
    """Plan the first written form that reads the most rows of the sample."""
    forms = [day + clock for day in (*_DATES, _MONTH_FIRST, _DAY_FIRST) for clock in _CLOCKS]
    forms += ["%Y%m%d%H%M", "%Y%m%d%H%M%S"]
    counts = ", ".join(f"count(try_strptime(x, {quoted(form)}))" for form in forms)
    counted = source.connection.execute(
        f"SELECT {counts} FROM (SELECT {expression} AS x FROM {source.relation} LIMIT {_SAMPLE_ROWS})"
    ).fetchone()
    best = max(zip(counted or (), forms, strict=True), key=lambda item: item[0])
    if not best[0]:
        raise DataError(
            f"{source.name} writes time as {usual!r}, which is no known form; use 2024-01-31 09:30:00 or epoch numbers."
        )
    form = str(best[1])
    warnings: tuple[str, ...] = ()
    if form.startswith((_MONTH_FIRST, _DAY_FIRST)):
        form, warnings = _slashed(source, expression, form)
    return StampPlan(f"TRY(epoch_ns(try_strptime({expression}, {quoted(form)})))", True, warnings)


def _slashed(source: Source, expression: str, form: str) -> tuple[str, tuple[str, ...]]:
    """Choose between month/day and day/month over the whole file: most rows read, then fewest steps back."""
    clock = form[len(_MONTH_FIRST) :]
    scores: list[tuple[int, int]] = []
    for day in (_MONTH_FIRST, _DAY_FIRST):
        value = f"try_strptime({expression}, {quoted(day + clock)})"
        query = f"SELECT {value} AS t, row_number() OVER () AS n FROM {source.relation}"
        steps = f"SELECT t, sign(epoch(t - lag(t) OVER (ORDER BY n))) AS s FROM ({query})"
        row = source.connection.execute(
            f"SELECT count(t), least(count(*) FILTER (s < 0), count(*) FILTER (s > 0)) FROM ({steps})"
        ).fetchone()
        scores.append((row[0], -row[1]) if row else (0, 0))
    if scores[0] == scores[1]:
        return _MONTH_FIRST + clock, ("Dates such as 01/02/2024 were read as month/day/year.",)
    return (_MONTH_FIRST if scores[0] > scores[1] else _DAY_FIRST) + clock, ()
