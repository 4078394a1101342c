"""One DuckDB connection per read, bounded in memory and threads, and its errors in plain words."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.model.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["open_database", "quoted", "quoted_name"]

_MEMORY_LIMIT = "512MB"
_MOST_THREADS = 4
# What DuckDB makes of Ctrl-C while a query runs.
_INTERRUPTED = "Query interrupted"


def quoted(text: str) -> str:
    """Return a string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """Return a column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def open_database(subject: str) -> Iterator[DuckDBPyConnection]:
    """Open an in-memory database for one piece of work and close it afterwards.

    Args:
        subject: what is being read or written, named in the error.

    Raises:
        DataError: the database cannot read what it was given.
        KeyboardInterrupt: the user ended the query.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY_LIMIT,
        "threads": min(os.cpu_count() or 1, _MOST_THREADS),
        "temp_directory": str(Path(tempfile.gettempdir()) / f"tidemill-{os.getpid()}"),
        "autoinstall_known_extensions": False,
        "python_enable_replacements": False,
    }
    connection = duckdb.connect(config=config)
    try:
        yield connection
    except duckdb.Error as error:
        first_line = str(error).strip().splitlines()[0]
        raise DataError(f"{subject} cannot be read ({first_line}); check that the file is whole.") from error
    except RuntimeError as error:
        if _INTERRUPTED not in str(error):
            raise
        raise KeyboardInterrupt from error
    finally:
        connection.close()
