"""Whole-process figures: what a user waits for, from the shell prompt to the result on disk."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIDEMILL = [sys.executable, "-c", "from tidemill.cli.main import main; main()"]


def _spans(command: list[str], repeats: int, env: dict[str, str] | None = None, warm: int = 1) -> list[float]:
    # Bytecode is kept between starts, as it is where the package was installed, even if this shell forbids it.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    spans = []
    for number in range(warm + repeats):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**inherited, **(env or {})})
        if number >= warm:
            spans.append(time.perf_counter() - begin)
    return spans


def _figures(spans: list[float]) -> dict[str, float]:
    return {"min": min(spans), "median": statistics.median(spans), "max": max(spans)}


def help_seconds(repeats: int) -> dict[str, float]:
    return _figures(_spans([*TIDEMILL, "--help"], repeats))


def first_result(repeats: int) -> dict[str, float]:
    """Start, load 100,000 bars from Parquet, run, write JSON; machine code on disk."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "walk.parquet"
        code = (
            f"import sys; sys.path.insert(0, {str(HERE)!r}); import workloads as wl; "
            f"from tidemill.adapters.files import write_parquet; write_parquet(wl.walk(7, 100_000), {str(data)!r})"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        command = [*TIDEMILL, "backtest", "moving_average_crossover", "--data", str(data), "--symbol", "SYM"]
        command += ["--interval", "1min", "--sizing", "fixed:1", "--json", str(Path(folder) / "out.json"), "--no-count"]
        return _figures(_spans(command, repeats, warm=2))


def cold_compile(repeats: int) -> dict[str, float]:
    """Compile the whole core, the guard and every shipped strategy into an empty cache."""
    spans = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            spans += _spans([sys.executable, "-m", "tidemill.engine.warm"], 1, {"TIDEMILL_CACHE": folder}, warm=0)
    return _figures(spans)


def peak_mb() -> float:
    """Return the peak memory of a process that makes W1's data, runs it and keeps its tape.

    Read from /proc: the usual counter would start at the size of the process that started it.
    """
    code = (
        f"import sys; sys.path.insert(0, {str(HERE)!r}); import inprocess; inprocess.w1(1); "
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(out.stdout.split()[-1]) / 1024
