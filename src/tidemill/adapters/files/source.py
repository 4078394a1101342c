"""A CSV or Parquet file as a DuckDB relation that can be read in bounded pieces."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.files.connect import open_database, quoted
from tidemill.adapters.files.dialect import find_dialect
from tidemill.model.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Source", "open_source"]

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".txt", ".tsv", ".csv.gz", ".txt.gz", ".tsv.gz")
# Rows per piece: 2^19 rows of seven 8-byte columns are 29 MB.
_PIECE_ROWS = 1 << 19
# A text file above this size is rewritten as Parquet in the temporary folder, because only Parquet can be read
# from the middle.
_DIRECT_TEXT_BYTES = 16 << 20
_UNPACKED_LIMIT_BYTES = 16 << 30


@dataclass(slots=True)
class Source:
    """One open file.

    Args:
        name: file name without folder.
        connection: the database that reads it.
        relation: SQL table expression.
        types: column name to DuckDB type, in file order.
        metadata: key-value pairs of a Parquet file.
        is_text: whether every column is text still to be parsed.
        is_large: whether the file must be read in pieces.
        delimiter: what separates the columns of a text file.
        header_lines: lines of a text file before its first data row.
        rejected: int64[k], numbers of text lines that do not split into the columns (1 is the first data row).
        folder: where intermediate files go.
    """

    name: str
    connection: DuckDBPyConnection
    relation: str
    types: dict[str, str]
    folder: Path
    metadata: dict[str, str] = field(default_factory=dict)
    is_text: bool = False
    is_large: bool = False
    delimiter: str = ""
    header_lines: int = 0
    rejected: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def query(self, select: str, rest: str = "") -> list[tuple[Any, ...]]:
        """Return all rows of a small query over the file."""
        return self.connection.execute(f"SELECT {select} FROM {self.relation} {rest}").fetchall()

    def pieces(self, select: str) -> tuple[int, Iterator[dict[str, NDArray[Any]]]]:
        """Return the number of rows of a projection and its columns in file order, piece by piece."""
        if self.is_text and not self.is_large:
            columns = self.connection.execute(f"SELECT {select} FROM {self.relation}").fetchnumpy()
            self._note_rejected()
            return len(next(iter(columns.values()))), iter((columns,))
        relation = self.relation
        if self.is_text:
            copy = self.folder / "copy.parquet"
            self.connection.execute(
                f"COPY (SELECT {select} FROM {relation}) TO {quoted(str(copy))} (FORMAT parquet, COMPRESSION lz4)"
            )
            self._note_rejected()
            relation, select = _parquet(copy), "* EXCLUDE (file_row_number)"
        counted = self.connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
        rows = int(counted[0]) if counted else 0
        return rows, self._ranges(relation, select, rows)

    def _ranges(self, relation: str, select: str, rows: int) -> Iterator[dict[str, NDArray[Any]]]:
        for first in range(0, rows, _PIECE_ROWS):
            where = f"WHERE file_row_number >= {first} AND file_row_number < {first + _PIECE_ROWS}"
            limit = where if rows > _PIECE_ROWS else ""
            yield self.connection.execute(f"SELECT {select} FROM {relation} {limit}").fetchnumpy()

    def _note_rejected(self) -> None:
        """Remember which text lines could not be split."""
        tables = self.connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchall()
        if tables:
            lines = self.connection.execute("SELECT DISTINCT line FROM reject_errors ORDER BY line").fetchall()
            self.rejected = np.array([line - self.header_lines for (line,) in lines], np.int64)


def _parquet(path: Path) -> str:
    return f"read_parquet({quoted(str(path))}, file_row_number = true)"


@contextmanager
def open_source(path: Path, least_columns: int = 5) -> Iterator[Source]:
    """Open a CSV (plain, .gz, .zip holding one) or Parquet file for reading.

    Args:
        path: the file.
        least_columns: columns a text table has at least; five are a stamp and four prices.

    Raises:
        DataError: the file is missing, empty, of an unknown type, or damaged.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path.name!r} in {str(path.parent)!r}; check the path.")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty; export it again.")
    with tempfile.TemporaryDirectory(prefix="tidemill-") as folder, open_database(path.name) as connection:
        actual = _unpacked(path, Path(folder)) if path.suffix.lower() == ".zip" else path
        lowered = actual.name.lower()
        if lowered.endswith(_PARQUET):
            yield _open_parquet(path.name, actual, connection, Path(folder))
        elif lowered.endswith(_CSV):
            yield _open_text(path.name, actual, connection, Path(folder), least_columns)
        else:
            raise DataError(f"{path.name} is of an unknown type; use .csv, .csv.gz, .zip (one CSV) or .parquet.")


def _unpacked(path: Path, folder: Path) -> Path:
    """Extract the only text file of a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if item.filename.lower().endswith(_CSV)]
            if len(members) != 1:
                raise DataError(f"{path.name} holds {len(members)} CSV files; it must hold exactly one.")
            if members[0].file_size > _UNPACKED_LIMIT_BYTES:
                raise DataError(f"{path.name} unpacks to more than 16 GiB; unpack and split it first.")
            target = folder / Path(members[0].filename).name
            with archive.open(members[0]) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
            return target
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path.name} is no readable zip file; download it again.") from error


def _open_parquet(name: str, path: Path, connection: DuckDBPyConnection, folder: Path) -> Source:
    relation = f"read_parquet({quoted(str(path))})"
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
    pairs = connection.execute(f"SELECT key, value FROM parquet_kv_metadata({quoted(str(path))})").fetchall()
    metadata = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in pairs}
    return Source(name, connection, _parquet(path), types, folder, metadata)


def _open_text(name: str, path: Path, connection: DuckDBPyConnection, folder: Path, least_columns: int) -> Source:
    dialect = find_dialect(name, path, least_columns)
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in dialect.names)
    options = (
        f"delim = {quoted(dialect.delimiter)}",
        f"header = {str(dialect.has_header).lower()}",
        f"skip = {dialect.skip}",
        "quote = '\"', escape = '\"', auto_detect = false, all_varchar = true, null_padding = true",
        "ignore_errors = true, store_rejects = true",
        f"columns = {{{columns}}}",
    )
    relation = f"read_csv({quoted(str(path))}, {', '.join(options)})"
    is_large = path.stat().st_size > _DIRECT_TEXT_BYTES or path.suffix.lower() == ".gz"
    types = dict.fromkeys(dialect.names, "VARCHAR")
    header_lines = dialect.skip + dialect.has_header
    return Source(name, connection, relation, types, folder, {}, True, is_large, dialect.delimiter, header_lines)
