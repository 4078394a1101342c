"""Signs of life of the installation's processes and runs, as any process can read them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, literal_column, select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.tables import RECON_RUNS, RUNS
from tidemill.ports.seams import Clock
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.heartbeat import beat_file, read_beat
from tidemill.services.builds import build_name
from tidemill.services.home import Home
from tidemill.services.hosting.bells import API, HOST
from tidemill.services.hosting.builds import other_build
from tidemill.services.notify.escalating import undelivered

__all__ = ["Pulse", "RunPulse", "Vitals"]

_AT_WORK = ("RUNNING", "PAUSED")
_WATCHDOG = "watchdog"
_SECOND = 1e9


@dataclass(frozen=True, slots=True)
class RunPulse:
    """A run that is at work, as its last heartbeat told.

    Args:
        run_id: which. age_s: since the heartbeat; None: it has not beaten yet.
        health: as of ``services.health``; empty before the first heartbeat.
    """

    run_id: str
    age_s: float | None
    health: Mapping[str, Any] = field(default_factory=dict)

    def measured(self, name: str) -> float | None:
        """Return a number of the heartbeat, None when it was not told."""
        value = self.health.get(name)
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True)
class Vitals:
    """An installation at one moment.

    Args:
        ages_s: seconds since each process gave a sign of life: ``host``, ``api``, ``watchdog``, and ``engine``, the
            most silent of the runs at work; those that never did are missing.
        runs: that are at work. states: how many runs stand how.
        halts: scopes that are halted.
        differences: between our record and the brokers', in the newest comparison of each account.
        database_bytes, disk_free_bytes: 0: not known.
        builds: of ``api`` (this process) and ``host``, where it lives.
        undelivered: critical alerts of the last day that reached nobody.
    """

    ages_s: Mapping[str, float]
    runs: Sequence[RunPulse]
    states: Mapping[str, int]
    halts: Sequence[str]
    differences: int
    database_bytes: int
    disk_free_bytes: int
    builds: Mapping[str, str] = field(default_factory=dict)
    undelivered: int = 0

    def worst(self, name: str) -> float | None:
        """Return the largest number that the runs at work tell under a name, None when none does."""
        return max((found for run in self.runs if (found := run.measured(name)) is not None), default=None)


class Pulse:
    """Feels the pulse of an installation.

    Args:
        home, database, clock: of the installation.
    """

    def __init__(self, home: Home, database: Database, clock: Clock) -> None:
        self._home, self._database, self._clock = home, database, clock
        self._halts = Halts(home.halts)

    def feel(self) -> Vitals:
        """Return how the installation fares. Raises StoreError."""
        now = self._clock.now_ns()
        beats = self._database.store.heartbeats()
        states = Counter({str(row["state"]): int(row["count"]) for row in self._states()})
        runs = [self._run(str(row["run_id"]), beats, now) for row in self._at_work()]
        ages = {name: age for name in (API, HOST) if (age := self.age_s(name)) is not None}
        if _WATCHDOG in beats:
            ages[_WATCHDOG] = max(0.0, (now - beats[_WATCHDOG][0]) / _SECOND)
        silent = [run.age_s for run in runs if run.age_s is not None]
        if silent:
            ages["engine"] = max(silent)
        halts = [halt.scope for halt in self._halts.standing()]
        engine = other_build(self._home, self._clock, HOST) or (build_name() if HOST in ages else "")
        return Vitals(
            ages,
            runs,
            states,
            halts,
            self._differences(),
            self.database_bytes(),
            self.disk_free_bytes(),
            {"api": build_name(), "host": engine},
            undelivered(self._database, self._clock.now_ns()),
        )

    def age_s(self, name: str) -> float | None:
        """Return the seconds since a process of the service beat, None when it has not, or has ended cleanly."""
        beat = read_beat(beat_file(self._home.halts, name))
        if beat is None or beat.state == "STOPPED":
            return None
        return max(0.0, (self._clock.now_ns() - beat.now_ns) / _SECOND)

    def _run(self, run_id: str, beats: Mapping[str, tuple[int, str]], now: int) -> RunPulse:
        at_ns, body = beats.get(f"run:{run_id}", (0, "{}"))
        age = max(0.0, (now - at_ns) / _SECOND) if at_ns else None
        return RunPulse(run_id, age, json.loads(body or "{}").get("health", {}))

    def _states(self) -> Sequence[Mapping[Any, Any]]:
        return self._database.rows(select(RUNS.c.state, func.count().label("count")).group_by(RUNS.c.state))

    def _at_work(self) -> Sequence[Mapping[Any, Any]]:
        return self._database.rows(select(RUNS.c.run_id).where(RUNS.c.state.in_(_AT_WORK)).order_by(RUNS.c.run_id))

    def _differences(self) -> int:
        """Count what differed in the newest comparison of each account that is traded on."""
        of_account = select(RUNS.c.account).where(RUNS.c.state.in_(_AT_WORK))
        newest = (
            select(RECON_RUNS.c.account, func.max(RECON_RUNS.c.started_ns).label("at_ns"))
            .where(RECON_RUNS.c.account.in_(of_account))
            .group_by(RECON_RUNS.c.account)
            .subquery()
        )
        where = (RECON_RUNS.c.account == newest.c.account) & (RECON_RUNS.c.started_ns == newest.c.at_ns)
        reports = self._database.rows(select(RECON_RUNS.c.report).join(newest, where))
        return sum(len(json.loads(row["report"]).get("differences", ())) for row in reports)

    def database_bytes(self) -> int:
        """Return how much room the database takes: its files, or what the server says."""
        file = self._database.file
        if file is None:
            size = func.pg_database_size(literal_column("current_database()"))
            row = self._database.row(select(size.label("size")))
            return int(row["size"]) if row is not None else 0
        parts = (file.with_name(file.name + end) for end in ("", "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def disk_free_bytes(self) -> int:
        """Return the room that is left where the data folder lies."""
        return shutil.disk_usage(self._home.folder).free
