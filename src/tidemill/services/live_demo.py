"""The paper run of the demonstration: real daily prices through the whole runtime, killed half way, and audited."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill.model.errors import InvariantBroken
from tidemill.research.flight.decisions import DecisionParity
from tidemill.services.home import find_home, read_store
from tidemill.services.ledger import LedgerCheck, verify_run
from tidemill.services.parity import decision_parity
from tidemill.services.recorded import blueprint_of, read_recorded

__all__ = ["AGENT", "PaperDemo", "begun_demo", "paper_demo"]

# What the backtest of the demonstration does, as an agent.
AGENT = """schema = 1
name = "demo"
mode = "paper"
strategy = "moving_average_crossover"

[settings]
sizing = "percent:90"

[costs]
commission_percent = "0.05"

[feed]
kind = "sample"
"""
_COMMAND = "import sys; from tidemill.cli.main import main; sys.exit(main())"
_RUN = "demo"
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class PaperDemo:
    """What became of the demonstration's paper run.

    Args:
        folder: where its record lies. state: of the run at the end.
        bars: in all. killed_at: bars it had taken when it was killed. kept_fills: fills on the disk then.
        fills: at the end. equity: at the end, account currency.
        ledger: what was proven of the record: books, hash chains, read tables.
        decisions: the comparison with a fresh core.
    """

    folder: Path
    state: str
    bars: int
    killed_at: int
    kept_fills: int
    fills: int
    equity: float
    ledger: LedgerCheck
    decisions: DecisionParity


@contextmanager
def begun_demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the demonstration's agent in a process of its own; it does not outlive the block.

    Args:
        folder: of its record; what an earlier demonstration left there is removed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "agent.toml").write_text(AGENT, encoding="utf-8")
    with _process([*_words(folder), "--refresh", "0"]) as process:
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def paper_demo(folder: Path, process: subprocess.Popen[str]) -> PaperDemo:
    """Kill the demonstration's run half way, start it again, audit what it left.

    Args:
        folder, process: of ``begun_demo``.

    Raises:
        InvariantBroken: a process did not do what it was started for; its own words are in the message.
        TapeBroken: the record does not add up.
    """
    killed_at = _kill_half_way(process)
    home = find_home(folder)
    with read_store(home) as store:
        kept = len(store.fills(_RUN))
    last = _run_to_its_end([*_words(folder), "--refresh", "3600"])
    with read_store(home) as store:
        recorded = read_recorded(store, home.runs, _RUN)
        blueprint = blueprint_of(recorded)
        ledger = verify_run(store, home.runs, _RUN, lambda _: blueprint)
    return PaperDemo(
        folder=folder,
        state=recorded.row.state,
        bars=int(last["bars_total"]),
        killed_at=killed_at,
        kept_fills=kept,
        fills=len(recorded.fills),
        equity=float(last["equity"]),
        ledger=ledger,
        decisions=decision_parity(recorded, blueprint),
    )


def _process(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _COMMAND, *words]  # this very program, nothing a user wrote
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - see above


def _words(folder: Path) -> list[str]:
    return ["run", str(folder / "agent.toml"), "--run-id", _RUN, "--data-dir", str(folder), "--json"]


def _kill_half_way(process: subprocess.Popen[str]) -> int:
    """End a run with SIGKILL once half of its bars are on the disk; return how many bars it had taken."""
    bars = 0
    for line in process.stdout or ():
        view: dict[str, Any] = json.loads(line)
        bars = int(view["bars"])
        if bars * 2 >= int(view["bars_total"]):
            process.kill()
            break
    _, told = process.communicate(timeout=_WAIT_S)
    if process.returncode == 0 or not bars:
        raise InvariantBroken(f"The paper run could not be killed half way ({told.strip() or 'it had ended'}).")
    return bars


def _run_to_its_end(words: list[str]) -> dict[str, Any]:
    """Start a run and return what it said last."""
    with _process(words) as process:
        told, wrong = process.communicate(timeout=_WAIT_S)
    if process.returncode != 0:
        raise InvariantBroken(f"The paper run did not go on after it was killed: {wrong.strip()}")
    last: dict[str, Any] = json.loads(told.splitlines()[-1])
    return last
