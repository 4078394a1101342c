"""What runs trade, left as a file by each engine, for those who ask a run for something: no database is needed."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from tidemill.model.errors import GuardRefusal, StoreError, UnknownName
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.heartbeat import beat_file, read_beat
from tidemill.services.home import Home

__all__ = ["Desk", "Terms", "find_desk", "known_runs", "living_runs", "read_desk", "who", "write_desk"]

_DESK = "desk.json"
_LIVING_S = 5.0  # a heartbeat comes every second


class Terms(Protocol):
    """Of a run's terms, what its desk tells."""

    @property
    def run_id(self) -> str:
        """Return the run."""

    @property
    def account(self) -> str:
        """Return the account it trades on."""

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Return what it trades, in order."""

    @property
    def strategies(self) -> Sequence[str]:
        """Return who decides, in order."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a run trades, as whoever asks it for something has to know."""

    run_id: str
    account: str
    strategies: tuple[str, ...]
    instruments: tuple[Instrument, ...]


def who() -> str:
    """Return the name of the person at the keyboard."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def write_desk(home: Home, terms: Terms) -> None:
    """Leave word of what a run trades, for those who ask it for something."""
    folder = home.runs / terms.run_id
    folder.mkdir(parents=True, exist_ok=True)
    body = {
        "account": terms.account,
        "strategies": list(terms.strategies),
        "instruments": [asdict(item) for item in terms.instruments],
    }
    draft = folder / f"{_DESK}.new"
    draft.write_text(json.dumps(body), encoding="utf-8")
    draft.replace(folder / _DESK)


def read_desk(folder: Path) -> Desk:
    """Return what a run trades; raises StoreError when it cannot be read."""
    try:
        values = json.loads((folder / _DESK).read_text(encoding="utf-8"))
        items = [Instrument(**{**v, "asset_class": AssetClass(v["asset_class"])}) for v in values["instruments"]]
        return Desk(folder.name, values["account"], tuple(values["strategies"]), tuple(items))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{folder / _DESK} cannot be read ({error}); start the run again, it writes it anew."
        ) from None


def known_runs(home: Home) -> list[str]:
    """Return every run that has ever been served here."""
    return sorted(path.parent.name for path in home.runs.glob(f"*/{_DESK}"))


def living_runs(home: Home) -> list[str]:
    """Return the runs whose engine gives signs of life."""
    now_ns, living = SystemClock().now_ns(), []
    for run_id in known_runs(home):
        beat = read_beat(beat_file(home.halts, run_id))
        if beat is not None and beat.state == "RUNNING" and now_ns - beat.now_ns < _LIVING_S * 1e9:
            living.append(run_id)
    return living


def find_desk(home: Home, run_id: str | None = None) -> Desk:
    """Return a run by name; without one the only run that lives.

    Raises:
        GuardRefusal: there is no such run, or not exactly one that lives.
    """
    known = known_runs(home)
    if run_id is not None:
        if run_id not in known:
            raise GuardRefusal("unknown_run", str(UnknownName("run", run_id, known or ["none yet"])))
        return read_desk(home.runs / run_id)
    living = living_runs(home)
    if len(living) != 1:
        found = f"{len(living)} runs are at work: {', '.join(living)}" if living else "no run is at work"
        raise GuardRefusal("which_run", f"Say which run is meant, with --run: {found}.")
    return read_desk(home.runs / living[0])
