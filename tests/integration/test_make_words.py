"""Words of the Makefile, each run for real: a saved and emptied home, ended programs, coverage, hooks, a backtest."""

from __future__ import annotations

import csv
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cli_runs import write_bars

from make_words import MAKEFILE, make
from tidemill.adapters.sql.opening import open_store
from tidemill.services.home import change_store, find_home

LISTENS = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); s.accept()"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a database, a run's folder, logs and a key."""
    folder = tmp_path / "home"
    open_store(find_home(folder).url, migrate=True).close()
    for name in ("runs/one/tape.bin", "logs/api.log", "jwt.key"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def names(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()} & {"tidemill.db", "runs", "logs", "jwt.key"}


def test_reset_saves_first_and_then_begins_anew(tmp_path: Path, home: Path) -> None:
    refused = make(tmp_path, "reset", said="n\n")
    assert refused.returncode != 0 and "Save and empty" in refused.stdout
    assert names(home) == {"tidemill.db", "runs", "logs", "jwt.key"}
    with closing(change_store(find_home(home))):  # as an engine at work holds it
        busy = make(tmp_path, "reset", "YES=1")
    assert busy.returncode != 0 and "at work" in busy.stdout and "tidemill.db" in names(home)
    done = make(tmp_path, "db-clean", said="y\n")
    assert done.returncode == 0, done
    assert names(home) == {"logs", "jwt.key"}
    saved = list((tmp_path / "home-backups").glob("*.db"))
    assert len(saved) == 1
    with closing(sqlite3.connect(saved[0])) as database:
        assert database.execute("select count(*) from sqlite_master where name = 'runs'").fetchone() == (1,)
    open_store(find_home(home).url, migrate=True).close()  # what begins anew has its tables
    assert names(home) == {"tidemill.db", "logs", "jwt.key"}
    assert make(tmp_path, "reset", "YES=1").returncode == 0
    assert names(home) == set()
    assert saved[0].exists()


@contextmanager
def listening(*command: str, executable: str | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a program that listens; tell its port."""
    with subprocess.Popen(command, executable=executable, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc, see proc(5)")
def test_our_programs_leave_their_ports_and_others_are_named(tmp_path: Path) -> None:
    ours = (sys.executable, "-S", "-c", LISTENS, "tidemill api")
    with listening(*ours) as (own, port):
        ended = make(tmp_path, "cleanup-ports", f"PORTS={port}")
        assert (ended.returncode, ended.stdout) == (0, f"Port {port}: ended process {own.pid}.\n")
        assert own.wait(timeout=20) < 0
    bare = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    with listening("other", "-S", "-c", LISTENS, executable=bare) as (foreign, port):
        named = make(tmp_path, "cleanup-ports", f"PORTS={port}")
        assert named.returncode != 0 and f"Port {port} belongs to process {foreign.pid}" in named.stdout
        assert foreign.poll() is None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    assert make(tmp_path, "cleanup-ports", f"PORTS={port}").stdout == ""


def test_a_backtest_of_a_file_with_a_capital(tmp_path: Path) -> None:
    data = write_bars(tmp_path / "with blanks.csv")
    words = ["backtest", f"DATA_FILE={data}", "CAPITAL=25000", "STRATEGY=moving_average_crossover"]
    words += ["POSITION_SIZE=fixed:7", "STOP_LOSS=0.5", "TAKE_PROFIT=0.4", f"OUTPUT_DIR={tmp_path / 'out'}"]
    done = make(tmp_path, *words, "ARGS=--symbol TEST --set fast_window=3 --set slow_window=8")
    assert done.returncode == 0, done
    told = re.search(r"Final equity +([\d,.]+)\nNet profit +([+-][\d,.]+)", done.stdout)
    assert told is not None, done.stdout
    final, profit = (float(text.replace(",", "")) for text in told.groups())
    assert final - profit == 25_000.0
    with next((tmp_path / "out").glob("*fills*.csv")).open(encoding="utf-8") as file:
        fills = list(csv.DictReader(file))
    assert {abs(float(fill["quantity"])) for fill in fills} == {7.0}
    assert "take_profit" in {fill["reason"].lower() for fill in fills}
    missing = make(tmp_path, "backtest", f"DATA_FILE={tmp_path / 'none.csv'}")
    assert missing.returncode != 0 and "none.csv" in missing.stderr


def test_coverage_is_counted_and_shown(tmp_path: Path) -> None:
    own = tmp_path / "test_own.py"
    test = "def test_it():\n    assert to_micros(1.0) == 1_000_000\n"
    own.write_text(f"from tidemill.model.units import to_micros\n\n\n{test}", encoding="utf-8")
    settings = tmp_path / "coverage.ini"
    settings.write_text("[report]\ninclude = */model/units.py\n", encoding="utf-8")
    page, found = tmp_path / "page", str(tmp_path / "found")
    words = f"ARGS={own} --cov-config={settings} -p no:cacheprovider"
    done = make(tmp_path, "test-cov", "WORKERS=0", f"COVERAGE={page}", words, COVERAGE_FILE=found)
    assert done.returncode == 0, done
    assert "units.py" in done.stdout and "1 passed" in done.stdout
    assert (page / "index.html").exists()
    plain = make(tmp_path, "test", "WORKERS=0", f"ARGS={own} -p no:cacheprovider")
    assert plain.returncode == 0 and "1 passed" in plain.stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_hooks_stop_what_is_not_in_the_one_format(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "requirements").mkdir(parents=True)
    for name in ("Makefile", ".pre-commit-config.yaml", "pyproject.toml", "requirements/dev.lock"):
        shutil.copy(MAKEFILE.parent / name, tree / name)
    source = tree / "own.py"
    source.write_text('"""Nothing."""\n', encoding="utf-8")
    for words in (("init", "-q"), ("add", ".")):
        subprocess.run(["git", *words], cwd=tree, check=True)  # noqa: S607 - as it is typed
    environment = {"PRE_COMMIT_HOME": str(tmp_path / "hooks"), "SKIP": "lint,types,floors"}
    made = make(tmp_path, "-C", str(tree), "pre-commit-install", **environment)
    assert made.returncode == 0 and (tree / ".git" / "hooks" / "pre-commit").exists(), made
    passed = make(tmp_path, "-C", str(tree), "pre-commit-run", **environment)
    assert passed.returncode == 0 and "Passed" in passed.stdout, passed
    source.write_text("x = {  'a':1}\n", encoding="utf-8")
    stopped = make(tmp_path, "-C", str(tree), "pre-commit-run", **environment)
    assert stopped.returncode != 0 and "Failed" in stopped.stdout
    assert "own.py" in make(tmp_path, "-C", str(tree), "lint").stdout  # a module without a docstring
    assert make(tmp_path, "-C", str(tree), "format").returncode == 0
    assert source.read_text(encoding="utf-8") == 'x = {"a": 1}\n'
