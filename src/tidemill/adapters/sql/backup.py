"""Backups that are known to be good before they are needed, and a way back that cannot end half way."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from tidemill.adapters.sql.connect import file_of, make_engine, parse_url
from tidemill.adapters.sql.place import ProcessLock, prepare_file
from tidemill.adapters.sql.schema import SCHEMA
from tidemill.adapters.sql.session import Session
from tidemill.model.errors import ConfigError, OutputError, PluginError, StoreError, StoreMismatch

__all__ = ["backup_store", "restore_store", "verify_backup"]

_PATIENCE_MS = 5_000
_SQLITE = b"SQLite format 3\0"  # how every SQLite file begins
_READ_BYTES = 1 << 20
# Everything libpq needs, out of sight of other users' process lists.
_LIBPQ = {"host": "PGHOST", "port": "PGPORT", "username": "PGUSER", "password": "PGPASSWORD", "database": "PGDATABASE"}


def _checksum(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _sum_file(path: Path) -> Path:
    return path.with_name(path.name + ".blake2b")


def _to_disk(path: Path) -> None:
    """Wait until a file, and the name it has, are on the disk."""
    for part, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY)):
        if part.is_dir() and os.name == "nt":  # Windows knows no handles of folders
            continue
        fd = os.open(part, flags)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def backup_store(url: str, path: Path) -> str:
    """Copy a database to a file while it is in use, prove the copy good, and keep its checksum beside it.

    Args:
        url: of the database, as for ``open_store``.
        path: the file to make; with ``.blake2b`` added, the file of its checksum.

    Returns:
        The checksum: BLAKE2b, 32 bytes, hexadecimal.

    Raises:
        OutputError: the file is already there or cannot be written. PluginError: ``pg_dump`` is not installed.
        StoreError: the database cannot be read, or the copy is not sound.
    """
    parsed = parse_url(url)
    source = file_of(parsed)
    if parsed.get_backend_name() == "sqlite" and source is None:
        raise ConfigError("A database in memory cannot be backed up.")
    if path.exists():
        raise OutputError(f"{path} is already there; give the backup a new name.")
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600))
        if source is None:
            _run_postgres("pg_dump", parsed, ["--format=custom", f"--file={part}"])
        else:
            _copy_sqlite(source, part)
        total = _checksum(part)
        _to_disk(part)
        _sum_file(path).write_text(f"{total}  {path.name}\n", encoding="utf-8")
        part.replace(path)
        _to_disk(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); give it room and rights.") from error
    return total


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a file in use, in one step (a snapshot: writers go on, the copy does not see them), and check the copy."""
    prepare_file(source, create=False)
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE_MS / 1000)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied ({error}); there is no new backup.") from error
    if found != "ok":
        raise StoreError(f"The copy of {source} is damaged ({found}); there is no new backup.")


def verify_backup(path: Path) -> str:
    """Prove that a backup is the file that was made, that its pages are whole and that this build can read it.

    Returns:
        The number of its schema, for a SQLite backup; empty for PostgreSQL's.

    Raises:
        StoreError: it is not there, changed or damaged. StoreMismatch: it is newer than this build.
    """
    try:
        wanted = _sum_file(path).read_text(encoding="utf-8").split()[:1]
        found = _checksum(path)
        with path.open("rb") as file:
            is_sqlite = file.read(len(_SQLITE)) == _SQLITE
    except OSError as error:
        raise StoreError(f"The backup {path} cannot be read ({error.strerror}); take another one.") from error
    if wanted != [found]:
        raise StoreError(f"The backup {path} is not the file that was made: its checksum differs; take another one.")
    if not is_sqlite:
        return ""
    return _verify_sqlite(path)


def _verify_sqlite(path: Path) -> str:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            versions = copy.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error as error:
        raise StoreError(f"The backup {path} is no sound database of Tidemill ({error}); take another one.") from error
    if found != "ok" or not versions:
        raise StoreError(f"The backup {path} is damaged ({found}); take another one.")
    schema = str(versions[0][0])
    if schema > SCHEMA:
        raise StoreMismatch(f"The backup {path} has schema {schema}, newer than this Tidemill's {SCHEMA}.")
    return schema


def restore_store(path: Path, url: str) -> Path | None:
    """Put a proven backup in a database's place; what was there before is kept beside it.

    The backup is older than the world: orders may have been sent since. Its lease epochs are older too, so the next
    start can tell (compare ``SqlStore.epoch`` with the epochs the broker has seen) and has to reconcile first. Open it
    once with migrations allowed if its schema is older.

    Returns:
        Where the former SQLite file was put, None when there was none or for PostgreSQL.

    Raises:
        StoreError: the backup is not good, or somebody has the database open; nothing was changed.
        LeaseLost: an engine runs on it. StoreMismatch: the backup is newer than this build.
        PluginError: ``pg_restore`` is not installed.
    """
    schema = verify_backup(path)
    parsed = parse_url(url)
    target = file_of(parsed)
    if (target is None) != (schema == ""):
        raise ConfigError("A backup goes back to the kind of database it came from; check the address.")
    if target is None:
        _refuse_company(parsed)
        _run_postgres("pg_restore", parsed, ["--clean", "--if-exists", "--single-transaction", "--no-owner", str(path)])
        return None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = ProcessLock(target)
        with closing(lock):
            return _swap(path, target)
    except OSError as error:
        raise StoreError(f"{target} cannot be replaced ({error.strerror}); the former one is still whole.") from error


def _swap(backup: Path, target: Path) -> Path | None:
    """Replace a file in one step: at any instant there is the former database or the restored one, both whole."""
    fresh = target.with_name(target.name + ".restoring")
    shutil.copyfile(backup, fresh)
    fresh.chmod(0o600)
    _to_disk(fresh)
    kept = None
    if target.exists():
        kept = _free_name(target)
        log, kept_log = (path.with_name(path.name + "-wal") for path in (target, kept))
        if log.exists():  # SQLite throws the log of a damaged file away as soon as it opens it
            shutil.copyfile(log, kept_log)
        if _make_alone(target):
            kept_log.unlink(missing_ok=True)
        os.link(target, kept)
        for end in ("-wal", "-shm"):
            target.with_name(target.name + end).unlink(missing_ok=True)
    fresh.replace(target)
    _to_disk(target)
    return kept


def _free_name(target: Path) -> Path:
    number = 1
    while (name := target.with_name(f"{target.name}.replaced-{number}")).exists():
        number += 1
    return name


def _make_alone(target: Path) -> bool:
    """Put the log of a file away, which only works when nobody else has it open; tell whether the file is sound."""
    try:
        with closing(sqlite3.connect(target, timeout=0, isolation_level=None)) as former:
            former.execute("PRAGMA locking_mode=EXCLUSIVE")
            former.execute("PRAGMA journal_mode=DELETE")
            former.execute("BEGIN EXCLUSIVE")
            former.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise StoreError(f"{target} is in use ({error}); stop what has it open, then restore.") from error
    except sqlite3.DatabaseError:  # damaged: the reason for which it is replaced
        return False
    return True


def _refuse_company(url: URL) -> None:
    """Refuse to pull a PostgreSQL database away from under a running Tidemill."""
    sql = (
        "SELECT count(*)::int FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'tidemill'"
    )
    with closing(Session(make_engine(url, _PATIENCE_MS))) as session:
        if session.read(sql)[0][0]:
            raise StoreError("The database is in use by Tidemill; stop engine, API and watchdog, then restore.")


def _run_postgres(program: str, url: URL, arguments: list[str]) -> None:
    """Run one of PostgreSQL's own programs on a database."""
    found = shutil.which(program)
    if found is None:
        raise PluginError(f"{program} is not installed; install PostgreSQL's client programs of the server's version.")
    settings = {name: url.query[name] for name in ("host", "port", "sslmode") if name in url.query}
    given = {part: getattr(url, part) for part in _LIBPQ if getattr(url, part) is not None} | settings
    environment = {_LIBPQ.get(part, f"PG{part.upper()}"): str(value) for part, value in given.items()}
    database = ["--dbname", str(url.database)] if program == "pg_restore" else []
    done = subprocess.run(
        [found, "--no-password", *database, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StoreError(f"{program} failed: {' '.join(done.stderr.split())}; nothing was changed.")
