"""Where everything lies that Tidemill must not lose: one folder, and the database in it or elsewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tidemill.adapters.sql.connect import file_of, parse_url
from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore
from tidemill.model.errors import StoreError
from tidemill.runtime.guard.halts import halt_folder

__all__ = ["Home", "change_store", "find_home", "read_store"]

_FOLDER = ".tidemill"
_DATABASE = "tidemill.db"


@dataclass(frozen=True, slots=True)
class Home:
    """One installation's data.

    Args:
        folder: with the tapes of runs, and the database unless that is elsewhere.
        url: of the database.
    """

    folder: Path
    url: str

    @property
    def runs(self) -> Path:
        """Return the folder that holds one folder of tape for each run."""
        return self.folder / "runs"

    @property
    def halts(self) -> Path:
        """Return the folder of halt files: next to the database's file, or in the data folder."""
        path = file_of(parse_url(self.url))
        return halt_folder(path if path is not None else self.folder / _DATABASE)


def find_home(data_dir: str | os.PathLike[str] | None = None, database: str | None = None) -> Home:
    """Return where data lie: a folder that is named, else ``TIDEMILL_HOME``, else ``.tidemill`` in the current one.

    Args:
        data_dir: the folder; it is made by whoever writes first.
        database: address of another database, ``postgresql://...`` or ``sqlite:///...``.

    Raises:
        ConfigError: the address cannot be used.
    """
    folder = Path(data_dir or os.environ.get("TIDEMILL_HOME") or _FOLDER).expanduser().absolute()
    url = database or f"sqlite:///{folder / _DATABASE}"
    parse_url(url)
    return Home(folder, url)


def change_store(home: Home) -> SqlStore:
    """Open the record for work that no engine may disturb.

    Raises:
        StoreError: an engine works on it, or it cannot be read. StoreMismatch: it is another version's.
    """
    return open_store(home.url, lock=True, verify=False)


def read_store(home: Home) -> SqlStore:
    """Open the record for reading, whether an engine runs on it or not.

    Raises:
        StoreError: there is none yet, or it cannot be read. StoreMismatch: it is another version's.
    """
    path = file_of(parse_url(home.url))
    if path is not None and not path.exists():
        raise StoreError(f"There are no runs in {home.folder} yet; begin one with `tidemill run`, or check --data-dir.")
    return open_store(home.url, verify=False)
