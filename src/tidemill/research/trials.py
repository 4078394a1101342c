"""The count of everything that was tried: without it the best of many backtests looks like skill."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Trial", "TrialCount", "TrialLedger"]

_FILE = "trials.jsonl"
_FOLDER = ".tidemill"
_HOME = "TIDEMILL_HOME"


@dataclass(frozen=True, slots=True)
class Trial:
    """One look at the data: a backtest or one point of a parameter search.

    Args:
        ts_ns: when it was tried, UTC; passed in, never read from a clock here.
        strategy: the strategy's name.
        params_hash: hash of every parameter and setting that can change the result.
        data_hash: hash of the market data it saw.
        sharpe: Sharpe ratio of one period (not annualised); None when undefined.
        n: number of returns behind it.
    """

    ts_ns: int
    strategy: str
    params_hash: str
    data_hash: str
    sharpe: float | None
    n: int

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes two trials the same one."""
        return (self.strategy, self.params_hash, self.data_hash)


@dataclass(frozen=True, slots=True)
class TrialCount:
    """How many different trials one strategy has had on one data set.

    Args:
        n: distinct trials, at least 1.
        sharpe_variance: sample variance (ddof = 1) of their per-period Sharpe ratios; 0 below two of them.
        note: what a reader must know about the count; empty when it is complete.
    """

    n: int
    sharpe_variance: float
    note: str = ""


class TrialLedger:
    """An append-only file of trials in the project's folder, one JSON object per line.

    Args:
        folder: where ``trials.jsonl`` lies; by default the environment variable ``TIDEMILL_HOME``, else
            ``.tidemill`` under the current directory.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.path = Path(folder or os.environ.get(_HOME) or _FOLDER) / _FILE

    def append(self, trials: Iterable[Trial]) -> list[str]:
        """Add trials in one write that no other process can interleave; return warnings, empty when all went well."""
        text = "".join(_line(trial) for trial in trials)
        if not text:
            return []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            written = _append_whole(self.path, text.encode())
        except OSError as error:
            return [f"Trials could not be counted in {self.path} ({error.strerror}); make the folder writable."]
        return [] if written else [f"{self.path} took only part of the trials (disk full?); free some space."]

    def read(self) -> tuple[list[Trial], list[str]]:
        """Return all readable trials in file order, and one warning per line that is not; the file stays as it is."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return [], []
        except OSError as error:
            return [], [f"{self.path} cannot be read ({error.strerror}); check its permissions."]
        trials, warnings = [], []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            trial = _parse(line)
            if trial is None:
                warnings.append(f"{self.path} line {number} is not a trial; it was skipped and left in the file.")
            else:
                trials.append(trial)
        return trials, warnings

    def count(self, strategy: str, data_hash: str) -> tuple[TrialCount, list[str]]:
        """Return how many different trials a strategy has had on these data, and warnings about the file."""
        trials, warnings = self.read()
        return _count(trials, strategy, data_hash, ""), warnings

    def record(self, trial: Trial) -> tuple[TrialCount, list[str]]:
        """Add one trial and return its family's count with it, even when the folder cannot be written."""
        failed = self.append([trial])
        trials, warnings = self.read()
        note = "trial ledger not writable: this trial may be forgotten" if failed else ""
        return _count([*trials, trial], trial.strategy, trial.data_hash, note), [
            *failed,
            *warnings,
        ]


def _count(trials: Iterable[Trial], strategy: str, data_hash: str, note: str) -> TrialCount:
    family = {t.identity: t.sharpe for t in trials if t.strategy == strategy and t.data_hash == data_hash}
    ratios = [ratio for ratio in family.values() if ratio is not None]
    mean = math.fsum(ratios) / len(ratios) if ratios else 0.0
    variance = math.fsum((ratio - mean) ** 2 for ratio in ratios) / (len(ratios) - 1) if len(ratios) > 1 else 0.0
    return TrialCount(max(1, len(family)), variance, note)


def _line(trial: Trial) -> str:
    row = asdict(trial)
    if trial.sharpe is not None and not math.isfinite(trial.sharpe):
        row["sharpe"] = None
    return json.dumps(row, ensure_ascii=True, sort_keys=True) + "\n"


def _append_whole(path: Path, data: bytes) -> bool:
    binary = getattr(os, "O_BINARY", 0)  # only Windows has it, and only there it matters
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | binary, 0o644)
    try:
        # A line cut short by a crash must not swallow the next one.
        if os.lseek(handle, 0, os.SEEK_END) and os.lseek(handle, -1, os.SEEK_END) >= 0:
            data = data if os.read(handle, 1) == b"\n" else b"\n" + data
        return os.write(handle, data) == len(data)
    finally:
        os.close(handle)


def _parse(line: bytes) -> Trial | None:
    try:
        row: Any = json.loads(line)
        ratio = row["sharpe"]
        trial = Trial(
            int(row["ts_ns"]),
            row["strategy"],
            row["params_hash"],
            row["data_hash"],
            None if ratio is None else float(ratio),
            int(row["n"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    if not all(isinstance(part, str) for part in trial.identity):
        return None
    return trial if trial.sharpe is None or math.isfinite(trial.sharpe) else None
