"""From raw rows to one table per symbol: one clock, one order, one bar size, no repeats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.files.shelf import RawRows
from tidemill.adapters.files.spacing import find_interval
from tidemill.model.bars import DAY_NS, SECOND_NS, BarTable
from tidemill.model.daily import days_of_stamps, session_length_ns, session_start_ns
from tidemill.model.errors import DataError, OutOfOrder
from tidemill.model.fingerprint import bars_sha256
from tidemill.model.instrument import Instrument
from tidemill.model.quality import BadRow, Quarantine, repeated_stamps
from tidemill.model.zones import from_local

__all__ = ["CheckedBars", "join_rows", "settle_rows"]


# Two downloads of one instrument may differ in a few rows; two instruments differ in nearly all.
_MOST_CONFLICTS, _FEWEST_CONFLICTS = 0.5, 5


@dataclass(slots=True)
class CheckedBars:
    """One symbol's bars and the rows that were set aside while reading them."""

    bars: BarTable
    quarantine: Quarantine


def settle_rows(part: RawRows, instrument: Instrument, zone: str | None, named_ns: int | None, sort: bool) -> int:
    """Put one file's rows on UTC and in order, set repeats aside, and return their bar size. The part is changed.

    Args:
        part: raw rows of one symbol.
        instrument: decides zone and session start where the file is silent.
        zone: IANA zone of wall-clock stamps, or None for the exchange's.
        named_ns: bar size the user names, or None.
        sort: whether unsorted rows are sorted instead of refused.

    Raises:
        OutOfOrder: rows run backward and ``sort`` is off.
        DataError: the bar size is mixed or not the one named.
    """
    is_daily = bool(len(part.ts)) and part.is_local and not np.any(part.ts % DAY_NS)
    if is_daily:
        part.ts = session_start_ns(instrument, part.ts // DAY_NS)
        _move_quarantine(part.quarantine, lambda ts: session_start_ns(instrument, ts // DAY_NS))
    elif part.is_local:
        _apply_zone(part, instrument, zone)
    elif zone is not None:
        part.warnings.append(f"{part.source} carries its own time zone; {zone} was not used.")
    _order(part, sort)
    named_ns = named_ns or part.interval_ns or (DAY_NS if is_daily and len(part.ts) == 1 else None)
    interval_ns = find_interval(part.source, part.ts, named_ns)
    if interval_ns == DAY_NS and not is_daily:
        part.ts = session_start_ns(instrument, days_of_stamps(instrument, part.ts))
    _drop_repeats(part)
    return interval_ns


def _move_quarantine(quarantine: Quarantine, move: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> None:
    """Put the stamps of the rows set aside on the same clock as the kept ones."""
    known = [at for at, ts in enumerate(quarantine.ts_ns) if ts is not None]
    stamps = np.array([quarantine.ts_ns[at] for at in known], np.int64)
    for at, ts in zip(known, move(stamps), strict=True):
        quarantine.ts_ns[at] = int(ts)


def _apply_zone(part: RawRows, instrument: Instrument, zone: str | None) -> None:
    clock = zone or instrument.zone
    if zone is None:
        part.warnings.append(f"{part.source} names no time zone; its stamps were read as {clock} (set --zone).")
    local = from_local(part.ts, clock)
    part.ts = local.ts_ns
    _move_quarantine(part.quarantine, lambda ts: from_local(ts, clock).ts_ns)
    if local.ambiguous:
        part.warnings.append(
            f"{part.source}: {local.ambiguous} stamps lie in an hour that the {clock} clock showed twice; "
            "the first showing was taken until the stamps step back."
        )
    if local.missing:
        part.warnings.append(
            f"{part.source}: {local.missing} stamps lie in an hour that the {clock} clock skipped; "
            "they were moved forward."
        )


def _order(part: RawRows, sort: bool) -> None:
    backward = np.flatnonzero(part.ts[1:] < part.ts[:-1])
    if not len(backward):
        return
    if sort:
        _keep(part, np.argsort(part.ts, kind="stable"))
        return
    at = int(backward[0]) + 1
    stamp = datetime.fromtimestamp(int(part.ts[at]) // SECOND_NS, UTC)
    whole = (
        "the file runs newest first" if 2 * len(backward) > len(part.ts) - 1 else "the stamp is before the row above"
    )
    raise OutOfOrder(
        f"{part.source}: row {int(part.row[at])} ({stamp:%Y-%m-%d %H:%M:%S} UTC) is out of order, {whole}; "
        "sort it with --sort."
    )


def _keep(part: RawRows, at: NDArray[np.int64] | NDArray[np.bool_]) -> None:
    part.ts, part.values, part.row = part.ts[at], part.values[:, at], part.row[at]


def _drop_repeats(part: RawRows) -> None:
    repeated = repeated_stamps(part.ts)
    if repeated.any():
        for at in np.flatnonzero(repeated):
            _set_aside(part, int(at), BadRow.DUPLICATE)
        _keep(part, ~repeated)


def _set_aside(part: RawRows, at: int, reason: BadRow) -> None:
    open_, high, low, close, volume = (float(value) for value in part.values[:, at])
    part.quarantine.add(part.source, int(part.row[at]), int(part.ts[at]), (open_, high, low, close, volume), reason)


def join_rows(parts: Sequence[RawRows], symbol: str, instrument: Instrument, interval_ns: int) -> CheckedBars:
    """Join one symbol's settled rows from several files into one table.

    Where files overlap, a row equal to one already there is dropped and counted; a row that differs is set aside.

    Args:
        parts: settled rows, all of one bar size.
        symbol: name of the table.
        instrument: decides how long a daily bar runs.
        interval_ns: the bar size.

    Raises:
        DataError: the files contradict each other in most rows that they share.
    """
    parts = sorted(parts, key=lambda part: int(part.ts[0]) if len(part.ts) else 0)
    quarantine = Quarantine.empty()
    for part in parts:
        quarantine.extend(part.quarantine)
    before = len(quarantine)
    ts, values, identical = _merged(parts, quarantine)
    conflicts = len(quarantine) - before
    if conflicts > _MOST_CONFLICTS * (conflicts + identical) and conflicts >= _FEWEST_CONFLICTS:
        names = " and ".join(dict.fromkeys(part.source for part in parts))
        raise DataError(
            f"{names} hold different prices at the same {conflicts:,} times, so they are not both {symbol}; name one "
            "--symbol per file, or read one file at a time."
        )
    duration_ns = session_length_ns(instrument) if interval_ns == DAY_NS else interval_ns
    bars = BarTable(symbol, interval_ns, duration_ns, ts, *values)
    warnings = [warning for part in parts for warning in part.warnings]
    if identical:
        warnings.append(f"{identical} rows occur in more than one file and were taken once.")
    bars.meta = {
        "source": ", ".join(dict.fromkeys(part.source for part in parts)),
        "sha256": bars_sha256(bars),
        "rows_read": sum(part.rows_read for part in parts),
        "rows_quarantined": len(quarantine),
        "rows_identical": identical,
        "simulated": any(part.is_simulated for part in parts),
        "warnings": list(dict.fromkeys(warnings)),
    }
    return CheckedBars(bars, quarantine)


def _merged(parts: Sequence[RawRows], quarantine: Quarantine) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Return stamps and values of all parts in order, and how many rows were found twice."""
    if len(parts) == 1:
        return parts[0].ts, parts[0].values, 0
    ts = np.concatenate([part.ts for part in parts])
    values = np.concatenate([part.values for part in parts], axis=1)
    if not np.any(ts[1:] <= ts[:-1]):
        return ts, values, 0
    owner = np.repeat(np.arange(len(parts)), [len(part.ts) for part in parts])
    row = np.concatenate([part.row for part in parts])
    order = np.argsort(ts, kind="stable")
    ts, values, owner, row = ts[order], values[:, order], owner[order], row[order]
    repeated = repeated_stamps(ts)
    first = np.maximum.accumulate(np.where(repeated, 0, np.arange(len(ts))))
    same = np.all(values == values[:, first], axis=0)
    for at in np.flatnonzero(repeated & ~same):
        open_, high, low, close, volume = (float(value) for value in values[:, at])
        numbers = (open_, high, low, close, volume)
        quarantine.add(parts[owner[at]].source, int(row[at]), int(ts[at]), numbers, BadRow.CONFLICT)
    return ts[~repeated], values[:, ~repeated], int(np.count_nonzero(repeated & same))
