"""What tests of live runs share: agent files, the command line in a process of its own, fills as text."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tidemill.services.home import find_home, read_store

_COMMAND = "import sys; from tidemill.cli.main import main; sys.exit(main())"
SETTINGS = """
strategy = "moving_average_crossover"

[params]
fast_window = 5
slow_window = 20

[settings]
sizing = "percent:45"
stop_loss = "0.5"
take_profit = "1"

[costs]
commission_per_share = 0.005
"""


def write_agent(path: Path, *, head: str = "", tail: str = "") -> Path:
    """Write an agent's file with the settings above and return its path."""
    path.write_text(f'schema = 1\nname = "tester"\n{head}{SETTINGS}{tail}', encoding="utf-8")
    return path


@contextmanager
def starter() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Hand out what starts one command in a process of its own; none outlives the block."""
    with ExitStack() as stack:

        def start(*words: object) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", _COMMAND, *map(str, words)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def looks(process: subprocess.Popen[str], count: int) -> list[dict[str, Any]]:
    """Read so many lines of a run's JSON, fewer if it ends."""
    found = []
    for line in process.stdout or ():
        found.append(json.loads(line))
        if len(found) == count:
            break
    return found


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a process; return its exit code, what is left of its output, and its errors."""
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def recorded_fills(folder: Path, run_id: str) -> list[str]:
    """Return a run's fills as lines of text."""
    with read_store(find_home(folder)) as store:
        return [
            f"{fill.ts_ns},{fill.symbol},{fill.side},{float(fill.quantity)!r},{float(fill.price)!r},{fill.fee_micros}"
            for fill in store.fills(run_id)
        ]
