"""Use case: a backup of everything that must not be lost, in one folder, and the way back.

A backup holds the database, as one proven file, and beside it the tapes of all runs. The database is copied first:
what it knows is on the tapes by then, and the tapes may be a little longer, as after a crash.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidemill.adapters.sql.backup import backup_store, restore_store, verify_backup
from tidemill.adapters.sql.connect import file_of, parse_url
from tidemill.adapters.sql.place import ProcessLock
from tidemill.model.errors import OutputError, StoreError, TapeBroken
from tidemill.runtime.record.tape import read_tape
from tidemill.services.home import Home

__all__ = ["Backup", "Restored", "make_backup", "restore_backup"]

_TAPES = ".runs"
_HALTS = ".halts"
_SUMS = "tapes.blake2b"


@dataclass(frozen=True, slots=True)
class Backup:
    """What was saved: the file, its folder of tapes, runs and tape rows in it, checksum of the database."""

    file: Path
    tapes: Path
    runs: int
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: runs and tape rows; where what was there before lies now, None where there was nothing."""

    runs: int
    rows: int
    former_database: Path | None
    former_tapes: Path | None


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise OutputError(f"{where} cannot be written ({error.strerror}); give it room and rights.") from error


def make_backup(home: Home, file: Path) -> Backup:
    """Save the database and every run's tape, also while an engine works; prove both good.

    Args:
        home: what to save. file: of the database's copy; the tapes go beside it, ``.runs`` added to its name.

    Raises:
        OutputError: something of that name is there, or cannot be written. StoreError, TapeBroken: what was to be
            saved is not sound. PluginError: the database's own program is not installed.
    """
    file = file.expanduser().absolute()
    tapes = _beside(file, _TAPES)
    if tapes.exists():
        raise OutputError(f"{tapes} is already there; give the backup a new name.")
    with _told(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    checksum = backup_store(home.url, file)
    with _told(tapes):
        part = _beside(file, _TAPES + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        for run in _folders(home.runs):
            (part / run.name).mkdir(mode=0o700)
            for path in sorted(run.glob("events-*.tape")):
                shutil.copyfile(path, part / run.name / path.name)
        (part / _SUMS).write_text(_sums(part), encoding="utf-8")
        _to_disk(part)
        part.replace(tapes)
        if home.halts.is_dir():
            shutil.copytree(home.halts, _beside(file, _HALTS))
    runs, rows = _count(tapes)
    return Backup(file, tapes, runs, rows, checksum)


def restore_backup(home: Home, file: Path) -> Restored:
    """Put a backup in the place of what is there; nothing of what was there is thrown away.

    The tapes come first: a database never meets tapes that are behind it. Halt files stay as they are, those of the
    backup are added: a restored installation is never less halted than before.

    Args:
        home: where it goes. file: of the database's copy.

    Raises:
        StoreError, TapeBroken: the backup is not good, or something has the database open; nothing was changed.
        LeaseLost: an engine runs on it. OutputError: it cannot be written.
    """
    file = file.expanduser().absolute()
    tapes = _beside(file, _TAPES)
    verify_backup(file)
    if not tapes.is_dir():
        raise StoreError(f"The tapes of the backup are not at {tapes}; put them back beside {file.name}.")
    runs, rows = _proven(tapes)
    _demand_alone(home)
    with _told(home.runs):
        home.folder.mkdir(parents=True, exist_ok=True)
        fresh = home.runs.with_name(home.runs.name + ".restoring")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(tapes, fresh, ignore=shutil.ignore_patterns(_SUMS))
        _to_disk(fresh)
        former = _free_name(home.runs) if home.runs.exists() else None
        if former is not None:
            home.runs.replace(former)
        fresh.replace(home.runs)
    try:
        database = restore_store(file, home.url)
    except BaseException:
        shutil.rmtree(home.runs)
        if former is not None:
            former.replace(home.runs)
        raise
    with _told(home.halts):
        halts = _beside(file, _HALTS)
        if halts.is_dir():
            shutil.copytree(halts, home.halts, dirs_exist_ok=True)
    return Restored(runs, rows, database, former)


def _demand_alone(home: Home) -> None:
    """Refuse while an engine has the database; a damaged one may be replaced."""
    path = file_of(parse_url(home.url))
    if path is not None and path.exists():
        ProcessLock(path).close()


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _sums(tapes: Path) -> str:
    """Return the checksum of every tape file under a folder, a line each."""
    lines = []
    for path in sorted(tapes.glob("*/events-*.tape")):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, hashlib.blake2b).hexdigest()}  {path.relative_to(tapes)}\n")
    return "".join(lines)


def _proven(tapes: Path) -> tuple[int, int]:
    """Prove that the tapes are the ones that were saved; return runs and rows."""
    try:
        is_same = (tapes / _SUMS).read_text(encoding="utf-8") == _sums(tapes)
    except OSError as error:
        raise StoreError(f"The tapes in {tapes} cannot be read ({error.strerror}); take another backup.") from error
    if not is_same:
        raise TapeBroken(f"The tapes in {tapes} are not the ones that were saved; take another backup.")
    return _count(tapes)


def _count(tapes: Path) -> tuple[int, int]:
    """Prove every tape and return runs and rows."""
    folders = _folders(tapes)
    return len(folders), sum(len(read_tape(folder)[0]) for folder in folders)


def _free_name(folder: Path) -> Path:
    number = 1
    while (name := folder.with_name(f"{folder.name}.replaced-{number}")).exists():
        number += 1
    return name


def _to_disk(folder: Path) -> None:
    """Wait until a folder's files are on the disk."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir() and os.name == "nt":  # Windows knows no handles of folders
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
