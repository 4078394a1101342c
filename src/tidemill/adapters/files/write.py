"""Bars to Parquet, and the quarantine to CSV."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tidemill.adapters.files.connect import open_database, quoted
from tidemill.model.bars import SECOND_NS, BarTable
from tidemill.model.errors import DataError, OutputError
from tidemill.model.intervals import format_interval
from tidemill.model.quality import Quarantine

__all__ = ["write_parquet", "write_quarantine"]

_COLUMNS = ("open", "high", "low", "close", "volume")


def write_parquet(bars: BarTable, path: str | Path) -> None:
    """Write bars as a Parquet file that ``read_bars`` reads back bit for bit.

    The file holds ``timestamp`` (nanoseconds, UTC, the bar's START), open, high, low, close, volume, zstd, and
    the key-value pairs symbol, interval, simulated and source. It appears under its name only when it is whole.

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    facts = {
        "symbol": bars.symbol,
        "interval": format_interval(bars.interval_ns),
        "simulated": str(bool(bars.meta.get("simulated", False))).lower(),
        "source": str(bars.meta.get("source", "")),
        "writer": "tidemill",
    }
    pairs = ", ".join(f"{key}: {quoted(value)}" for key, value in facts.items())
    try:
        with _draft_of(target) as draft, open_database(target.name) as connection:
            columns = {"ts": bars.ts, **{name: getattr(bars, name) for name in _COLUMNS}}
            connection.register("bars", {name: np.ascontiguousarray(column) for name, column in columns.items()})
            connection.execute(
                f"COPY (SELECT make_timestamp_ns(ts)::TIMESTAMPTZ_NS AS timestamp, {', '.join(_COLUMNS)} FROM bars) "
                f"TO {quoted(str(draft))} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{pairs}}})"
            )
    except DataError as error:
        raise OutputError(f"{target.name} cannot be written ({error}); check folder and free space.") from error


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    """Yield a neighbour to write to; it takes the target's name once it is whole, and leaves nothing otherwise."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        draft.replace(target)
    except OSError as error:
        why = error.strerror or error
        raise OutputError(f"{target.name} cannot be written ({why}); check folder and free space.") from error
    finally:
        # Also after an interrupt; once the draft has its real name there is nothing left to remove.
        with suppress(OSError):
            draft.unlink()


def write_quarantine(path: str | Path, quarantine: Quarantine) -> None:
    """Write the rows that were set aside as CSV: file, row number, stamp, values, reason, sentence.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = zip(quarantine.source, quarantine.row, quarantine.ts_ns, quarantine.values, quarantine.reason, strict=True)
    with _draft_of(Path(path)) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "row", "timestamp_utc", *_COLUMNS, "reason", "explanation"])
        for source, row, ts_ns, values, reason in rows:
            writer.writerow([_harmless(source), row, _stamp(ts_ns), *values, reason.name, reason.sentence])


def _harmless(text: str) -> str:
    """Return text that a spreadsheet does not run as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _stamp(ts_ns: int | None) -> str:
    if ts_ns is None:
        return ""
    whole, rest = divmod(ts_ns, SECOND_NS)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{rest:09d}" if rest else text
