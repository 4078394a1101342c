"""Starts ``tidemill up`` as a process of its own, and does to it what life does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import patience
from patience import PATIENCE_S, stretch
from tidemill.adapters.sql.store import SqlStore
from tidemill.runtime.guard.heartbeat import Beat, beat_file, read_beat
from tidemill.services.home import find_home, read_store

COMMAND = [sys.executable, "-c", "import sys; from tidemill.cli.main import main; sys.exit(main())"]
AGENT = """schema = 1
name = "{name}"
strategy = "{strategy}"
[data]
symbols = {symbols}
interval = "1s"
[feed]
kind = "push"
"""
HANGING = '''"""Never comes back once the price is high."""

from __future__ import annotations

from tidemill import Strategy, buy


class Hanging(Strategy):
    """Loop for ever above 510."""

    compiled = False

    def step(me, bar, order):
        while bar.close > 510.0:
            pass
        if order.held == 0:
            buy(order)
'''


def until(is_true: Callable[[], bool], seconds: float = PATIENCE_S, what: str = "it") -> float:
    """Wait until something is true; return how long it took."""
    began = time.monotonic()
    patience.until(is_true, patience_s=seconds, what=what)
    return time.monotonic() - began


class Up:
    """One ``tidemill up`` with what it watches over."""

    def __init__(
        self, folder: Path, agents: list[Path], *more: str, hang_s: float = 3.0, cancel_s: float = 1.2
    ) -> None:
        self.folder, self.home = folder, find_home(folder / "home")
        words = ["up", *map(str, agents), *more, "--data-dir", str(self.home.folder)]
        slow = stretch()  # an engine that waits for a core is not one that hangs
        words += ["--hang-after", str(hang_s * slow), "--cancel-after", str(cancel_s * slow)]
        self.out = folder / "up.out"
        with self.out.open("wb") as out, (folder / "up.err").open("wb") as err:
            self.process = subprocess.Popen([*COMMAND, *words], stdout=out, stderr=err)

    def lines(self) -> list[str]:
        return self.out.read_text(encoding="utf-8").splitlines()

    def events(self, event: str) -> list[dict[str, object]]:
        rows = [json.loads(line) for line in (self.folder / "up.err").read_text(encoding="utf-8").splitlines()]
        return [row for row in rows if row["event"] == event]

    def wait_ready(self, times: int = 1, seconds: float = 2 * PATIENCE_S) -> float:
        return until(lambda: self.lines().count("READY") >= times, seconds, f"READY number {times}")

    def run_of(self, agent: str) -> str:
        return next(path.name for path in self.home.runs.iterdir() if path.name.startswith(f"{agent}-"))

    def beat(self, run: str) -> Beat:
        beat = read_beat(beat_file(self.home.halts, run))
        assert beat is not None
        return beat

    def pid(self, child: str) -> int:
        return int(str([row for row in self.events("started") if row["child"] == child][-1]["pid"]))

    def kill(self, child: str, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid(child), number)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE_S)

    @contextlib.contextmanager
    def stopped(self, child: str) -> Iterator[None]:
        """Freeze a process for a while."""
        self.kill(child, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.kill(child, signal.SIGCONT)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the database locked, as somebody's shell would."""
        connection = sqlite3.connect(self.home.folder / "tidemill.db", isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    def store(self) -> SqlStore:
        return read_store(self.home)


def write_agent(
    folder: Path, name: str, strategy: str = "moving_average_crossover", symbols: Sequence[str] = ("SPY", "QQQ")
) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(AGENT.format(name=name, strategy=strategy, symbols=json.dumps(symbols)), encoding="utf-8")
    return path
