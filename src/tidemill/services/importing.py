"""Use case: turn files of any spelling into clean Parquet that reads back bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidemill.adapters.files import write_parquet, write_quarantine
from tidemill.model.errors import OutputError
from tidemill.model.intervals import format_interval
from tidemill.services.reading import ReadRequest, read_inputs

__all__ = ["Imported", "import_bars"]


@dataclass(frozen=True, slots=True)
class Imported:
    """One table written.

    Args:
        path: the file.
        symbol: what it holds.
        rows: bars written.
        set_aside: rows of its sources that were not taken.
    """

    path: Path
    symbol: str
    rows: int
    set_aside: int


def import_bars(request: ReadRequest, out: Path, quarantine: str | Path | None = None) -> list[Imported]:
    """Read data and write one Parquet file per symbol.

    Args:
        request: what to read.
        out: a file if there is one symbol; a folder takes any number, as SYMBOL_SIZE.parquet.
        quarantine: where the rows that were set aside are written, as CSV.

    Raises:
        ConfigError, DataError: the data cannot be read.
        OutputError: a file cannot be written, or one file was named for several symbols.
    """
    tables, rejected = read_inputs(request)
    is_folder = out.is_dir() or not out.suffix
    if len(tables) > 1 and not is_folder:
        names = ", ".join(table.symbol for table in tables)
        raise OutputError(f"There are several symbols ({names}) and one file {out}; name a folder with --out.")
    written = []
    for bars in tables:
        path = (
            out / f"{bars.symbol.replace('/', '-')}_{format_interval(bars.interval_ns)}.parquet" if is_folder else out
        )
        write_parquet(bars, path)
        written.append(Imported(path, bars.symbol, len(bars), int(bars.meta.get("rows_quarantined", 0))))
    if quarantine is not None:
        write_quarantine(quarantine, rejected)
    return written
