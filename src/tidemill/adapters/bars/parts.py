"""A folder of small Parquet files per series: written whole, named by what they hold, merged when there are many.

A part's name carries its first and last stamp, its number of rows and a hash of them, so the same batch written twice
is one file, and a reader opens only the files it needs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from tidemill.model.errors import DataError, OutputError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Part", "Parts"]

_MEMORY_LIMIT = "512MB"
_DAMAGED = ".damaged"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a series.

    Args:
        first, last: stamps of its first and last row, UTC nanoseconds.
        rows: how many it holds.
    """

    path: Path
    first: int
    last: int
    rows: int


class Parts:
    """Reads and writes the parts of all series below one folder.

    Args:
        root: the folder; it is made when something is written.
        identity: columns that make a row what it is, besides ``ts_ns``; two batches equal in them are one file.
    """

    def __init__(self, root: Path, identity: Sequence[str]) -> None:
        self.root = root
        self._identity = ("ts_ns", *identity)
        self._connection: DuckDBPyConnection | None = None
        self.damaged = 0

    def folder(self, series: Mapping[str, str]) -> Path:
        """Return the folder of a series; a symbol of any spelling makes a safe name."""
        path = self.root
        for key, value in series.items():
            path /= f"{key}={quote(value, safe='')}"
        return path

    def series(self, *keys: str) -> Iterator[dict[str, str]]:
        """Return the series that exist, in order of their names."""
        pattern = "/".join(f"{key}=*" for key in keys)
        for path in sorted(self.root.glob(pattern)):
            names = path.relative_to(self.root).parts
            yield {key: unquote(name.partition("=")[2]) for key, name in zip(keys, names, strict=True)}

    def parts(self, series: Mapping[str, str]) -> list[Part]:
        """Return the parts of a series, the newest data first."""
        found = []
        for path in self.folder(series).glob("*.parquet"):
            first, last, rows, _ = path.stem.split("-")
            found.append(Part(path, int(first), int(last), int(rows)))
        return sorted(found, key=lambda part: (-part.last, part.path.name))

    def write(self, series: Mapping[str, str], rows: NDArray[Any]) -> Part:
        """Write rows that lie in time order as one part; it appears under its name once it is whole and on the disk.

        Raises:
            OutputError: the file cannot be written.
        """
        digest = hashlib.blake2b(digest_size=8)
        for name in self._identity:
            digest.update(np.ascontiguousarray(rows[name]).tobytes())
        first, last = int(rows["ts_ns"][0]), int(rows["ts_ns"][-1])
        target = self.folder(series) / f"{first}-{last}-{len(rows)}-{digest.hexdigest()}.parquet"
        draft = target.with_suffix(f".{os.getpid()}")
        import duckdb  # noqa: PLC0415 - loaded when something is stored, not before

        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            columns = {name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()}
            with self._cursor() as cursor:
                cursor.register("batch", columns)
                cursor.execute(f"COPY batch TO '{_escaped(draft)}' (FORMAT parquet, COMPRESSION zstd)")
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(target)
        except (OSError, duckdb.Error) as error:
            why = str(error).strip().splitlines()[0]
            raise OutputError(f"{target.name} cannot be written ({why}); check folder and free space.") from error
        finally:
            with suppress(OSError):
                draft.unlink()
        return Part(target, first, last, len(rows))

    def read(self, parts: Sequence[Part], sql: str, layout: np.dtype[Any]) -> NDArray[Any]:
        """Return the rows of a query over some parts; a damaged part is set aside and left out.

        Args:
            sql: a query over the table ``rows``; ``file_row_number`` tells where a row stood in its part.
            layout: record type of the result; its columns must be those of the query.

        Raises:
            DataError: the parts are whole and yet the query fails.
        """
        import duckdb  # noqa: PLC0415 - loaded when something is read, not before

        if not parts:
            return np.zeros(0, layout)
        names = ", ".join(f"'{_escaped(part.path)}'" for part in parts)
        query = f"WITH rows AS (SELECT * FROM read_parquet([{names}], file_row_number = true)) {sql}"  # noqa: S608 - names are ours
        try:
            with self._cursor() as cursor:
                columns = cursor.execute(query).fetchnumpy()
        except duckdb.Error as error:
            whole = [part for part in parts if self._is_whole(part)]
            if len(whole) == len(parts):
                raise DataError(f"Stored bars cannot be read ({str(error).splitlines()[0]}).") from error
            return self.read(whole, sql, layout)
        out = np.zeros(len(columns[layout.names[0]]), layout)  # type: ignore[index]
        for name in layout.names or ():
            out[name] = columns[name]
        return out

    def drop(self, parts: Sequence[Part]) -> None:
        """Delete parts whose rows stand elsewhere now."""
        for part in parts:
            with suppress(FileNotFoundError):
                part.path.unlink()

    def close(self) -> None:
        """Let go of the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_whole(self, part: Part) -> bool:
        """Tell whether a part can be read; one that cannot is renamed, so that nobody meets it again."""
        import duckdb  # noqa: PLC0415 - as in read

        try:
            with self._cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM read_parquet('{_escaped(part.path)}')")  # noqa: S608 - as in read
        except duckdb.Error:
            with suppress(FileNotFoundError):
                part.path.rename(part.path.with_suffix(_DAMAGED))
            self.damaged += 1
            return False
        return True

    def _cursor(self) -> DuckDBPyConnection:
        import duckdb  # noqa: PLC0415 - as in read

        if self._connection is None:
            config: dict[str, str | bool | int | float | list[str]] = {
                "memory_limit": _MEMORY_LIMIT,
                "threads": 1,
                "autoinstall_known_extensions": False,
                "python_enable_replacements": False,
            }
            self._connection = duckdb.connect(config=config)
        return self._connection.cursor()


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
