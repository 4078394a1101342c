"""Runs the command line in this process, and writes the small files its tests need."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidemill.cli.main import main

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
HEADER = "timestamp,open,high,low,close,volume"
STRATEGY = "moving_average_crossover"
FAST = ("--set", "fast_window=3", "--set", "slow_window=8")

# Crosses its own average often, so that every run trades.
ALTERNATING = '''"""Buys and sells in turn."""

from __future__ import annotations

from tidemill import Memory, Strategy, buy, sell


class Alternating(Strategy):
    """Buy on every tenth bar, sell five bars later."""

    count = Memory(0)

    def step(me, bar, order):
        me.count += 1
        if me.count % 10 == 0:
            buy(order)
        elif me.count % 10 == 5 and order.held > 0:
            sell(order)
'''


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one command left behind."""

    code: int
    out: str
    err: str


def tidemill(*words: object) -> Outcome:
    """Run one command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Outcome(code, out.getvalue(), err.getvalue())


def bar_rows(count: int, *, step: timedelta = timedelta(minutes=1)) -> list[str]:
    """Return rows of a saw-tooth price that crosses its averages."""
    rows = []
    for number in range(count):
        close = 100.0 + abs(number % 40 - 20) * 0.1
        stamp = (START + number * step).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.append(f"{stamp},{close:.2f},{close + 0.05:.2f},{close - 0.05:.2f},{close:.2f},1000")
    return rows


def write_bars(path: Path, rows: list[str] | None = None, header: str = HEADER) -> Path:
    """Write a CSV file of bars and return its path."""
    path.write_text("\n".join([header, *(bar_rows(300) if rows is None else rows)]) + "\n", encoding="utf-8")
    return path
