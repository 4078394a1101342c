"""How a text file is laid out: delimiter, header line, lines before it."""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from tidemill.model.errors import DataError

__all__ = ["Dialect", "find_dialect"]

_DELIMITERS = ",;\t|"
_HEAD_BYTES = 1 << 16
_MOST_PREAMBLE = 20
_POSITIONAL = ("timestamp", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of one text file.

    Args:
        delimiter: one character.
        has_header: whether the first table line names the columns.
        skip: lines before the table.
        names: column names, unique; the usual order where the file has no header.
    """

    delimiter: str
    has_header: bool
    skip: int
    names: tuple[str, ...]


def find_dialect(name: str, path: Path, least_columns: int) -> Dialect:
    """Find the layout of a text file from its first lines.

    Args:
        name: file name for messages.
        path: the file.
        least_columns: columns the table has at least; lines with fewer before it are skipped.

    Raises:
        DataError: the file is no table of bars, or not text.
    """
    lines = _head(name, path).splitlines()[:_MOST_PREAMBLE]
    for skip, line in enumerate(lines):
        delimiter = max(_DELIMITERS, key=line.count)
        cells = next(csv.reader([line], delimiter=delimiter), [])
        if len(cells) >= least_columns:
            has_header = not any(_is_number(cell) for cell in cells)
            names = _unique(cells) if has_header else _usual_order(name, cells)
            return Dialect(delimiter, has_header, skip, names)
    raise DataError(
        f"{name} is no table: none of its first lines has {least_columns} columns separated by comma, semicolon, "
        "tab or bar."
    )


def _head(name: str, path: Path) -> str:
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as packed:
                head = packed.read(_HEAD_BYTES)
        else:
            with path.open("rb") as plain:
                head = plain.read(_HEAD_BYTES)
        return head.decode("utf-8-sig", errors="strict" if len(head) < _HEAD_BYTES else "ignore")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{name} cannot be read as text; export it again as UTF-8.") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True


def _unique(cells: list[str]) -> tuple[str, ...]:
    """Return stripped names, a repeated or empty one carrying its place."""
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = cell.strip() or f"column{place}"
        names.append(name if name.lower() not in {known.lower() for known in names} else f"{name}_{place}")
    return tuple(names)


def _usual_order(name: str, cells: list[str]) -> tuple[str, ...]:
    """Name the columns of a table without a header: stamp (or date, time), open, high, low, close, volume."""
    names = ("date", "time", *_POSITIONAL[1:]) if len(cells) == len(_POSITIONAL) + 1 else _POSITIONAL[: len(cells)]
    if len(cells) > len(names):
        raise DataError(
            f"{name} has no header line and {len(cells)} columns; add a header such as {','.join(_POSITIONAL)}."
        )
    return names
