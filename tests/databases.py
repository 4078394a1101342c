"""Databases for tests: SQLite files, and a PostgreSQL server of our own that lives as long as the test session."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tidemill.adapters.sql import open_store
from tidemill.adapters.sql.connect import make_engine, parse_url
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.tables import METADATA

WHERE = ("/usr/local/bin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))
ORDINARY = ("postgres", "nobody")  # initdb refuses to run as root


def program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(WHERE))


@dataclass
class Postgres:
    """A running server; it listens on a socket in its own folder and nowhere else."""

    folder: Path
    owner: dict[str, int]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = program(name)
        assert path is not None
        return subprocess.run(
            [path, *arguments],
            check=True,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            **self.owner,
        )

    def start(self, *options: str) -> None:
        settings = ("-c listen_addresses=", "-c max_connections=100", "-c shared_buffers=16MB", *options)
        command = f"-k {self.folder} {' '.join(settings)}"
        self.run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", command, "start"
        )

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        return f"postgresql://tidemill@/{database}?host={self.folder}"

    def create(self) -> str:
        name = f"t{next(self.numbers)}"
        self.run("createdb", "-h", str(self.folder), "-U", "tidemill", "-T", "template0", name)
        return self.url(name)


def roomy() -> str:
    """Return a folder with a short path (a socket's may have 107 characters), in memory where there is room."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes the name inside
    is_good = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 500_000_000
    return str(memory) if is_good else "/tmp"  # noqa: S108 - as above


def new_server() -> Iterator[Postgres]:
    if program("initdb") is None or program("pg_ctl") is None:
        pytest.skip("PostgreSQL is not installed (initdb not found)")
    owner: dict[str, int] = {}
    if os.geteuid() == 0:
        names = [entry.pw_name for entry in pwd.getpwall()]
        user = next((pwd.getpwnam(name) for name in ORDINARY if name in names), None)
        if user is None:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
        owner = {"user": user.pw_uid, "group": user.pw_gid}
    folder = Path(tempfile.mkdtemp(prefix="tidemill-pg-", dir=roomy()))
    server = Postgres(folder, owner)
    try:
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        server.run("initdb", "-D", str(folder / "data"), "-U", "tidemill", "-A", "trust", "-E", "UTF8", "--locale=C")
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Return a PostgreSQL server, or skip with one clear reason."""
    yield from new_server()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> str:
    """Return the address of a database with all tables, to be emptied and used again: making one takes a second."""
    url = postgres.create()
    open_store(url, migrate=True).close()
    return url


def empty_rows(url: str) -> None:
    """Delete every row of a PostgreSQL database but those that tell of its schema."""
    session = Session(make_engine(parse_url(url), 5_000))
    with closing(session), session.write() as cursor:
        for name in METADATA.tables.keys() - {"meta"}:
            cursor.execute(f'DELETE FROM "{name}"')


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory) -> Path:
    """Return a SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    open_store(f"sqlite:///{path}", migrate=True).close()
    return path


@pytest.fixture
def sqlite_file(tmp_path, migrated_sqlite) -> Path:
    """Return a fresh SQLite file with all tables."""
    path = tmp_path / "tidemill.db"
    shutil.copyfile(migrated_sqlite, path)
    return path


@pytest.fixture
def postgres_url(migrated_postgres) -> str:
    """Return the address of an empty PostgreSQL database with all tables."""
    empty_rows(migrated_postgres)
    return migrated_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request) -> str:
    """Return the address of a fresh database with all tables, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_file')}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path) -> str:
    """Return the address of a database without tables, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fresh.db'}"
    return request.getfixturevalue("postgres").create()
