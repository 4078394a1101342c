"""Every error of Tidemill, grouped by what the caller must do.

    TidemillError
    ├─ ConfigError            fix the settings; nothing was run
    │   ├─ UnknownName        a strategy, parameter or setting of that name does not exist (nearest names offered)
    │   ├─ StrategyError      the strategy does not compile, or it raised
    │   └─ PluginError        a plug-in is missing or breaks its contract
    ├─ DataError              the data cannot be used as given
    │   ├─ BadBar             one row is impossible; it is quarantined and counted
    │   ├─ OutOfOrder         stamps are unsorted or duplicate
    │   └─ StaleData          the data are older than allowed
    ├─ OutputError            a result could not be written
    └─ InvariantBroken        the program contradicts itself; stop and report

Each class carries the exit code of the command line, distinct per group.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BadBar",
    "ConfigError",
    "DataError",
    "InvariantBroken",
    "OutOfOrder",
    "OutputError",
    "PluginError",
    "StaleData",
    "StrategyError",
    "TidemillError",
    "UnknownName",
]


class TidemillError(Exception):
    """Anything Tidemill refuses to do, in one sentence that says what is wrong and what to do."""

    exit_code = 1


class ConfigError(TidemillError):
    """A setting, flag or file is wrong; nothing was run."""

    exit_code = 3


class UnknownName(ConfigError):
    """A name that does not exist, with the nearest ones that do."""

    exit_code = 4

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(names)}."
        super().__init__(f"There is no {kind} named {name!r}; {hint}")
        self.kind, self.name, self.near = kind, name, near


class StrategyError(ConfigError):
    """A strategy does not compile or raised; the message names its own file and line."""

    exit_code = 5


class PluginError(ConfigError):
    """A plug-in is missing or breaks its contract."""

    exit_code = 6


class DataError(TidemillError):
    """The data cannot be used as given."""

    exit_code = 7


class BadBar(DataError):
    """One row is impossible: it goes to quarantine with its reason."""

    exit_code = 8


class OutOfOrder(DataError):
    """Stamps are unsorted or duplicate."""

    exit_code = 9


class StaleData(DataError):
    """The data are older than allowed."""

    exit_code = 10


class OutputError(TidemillError):
    """A result could not be written."""

    exit_code = 11


class InvariantBroken(TidemillError):
    """The program contradicts itself: a defect of Tidemill, never of the user."""

    exit_code = 70
