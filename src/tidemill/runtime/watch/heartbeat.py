"""The engine's heartbeat, once a second in a file and in the database, and what it measures on the way.

The file is written by the loop itself, so it stops when the loop hangs; the row goes through the writer's thread, so it
tells how long the database takes to answer. Either alone says that the engine lives.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from tidemill.model.errors import StoreError
from tidemill.ports.seams import Clock
from tidemill.ports.store import Store
from tidemill.runtime.guard.heartbeat import Beat, beat_file, write_beat
from tidemill.runtime.orders.present import Health
from tidemill.runtime.record.writer import Writer

__all__ = ["Heart", "HeartSettings", "MachineSensors", "Sensors", "beat_file"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_STATM = Path("/proc/self/statm")
_DESCRIPTORS = Path("/proc/self/fd")


class Sensors(Protocol):
    """What a process can feel of itself and its machine."""

    def disk_free_bytes(self) -> int:
        """Return the room where the database lies."""

    def memory_bytes(self) -> int:
        """Return the memory in use; 0: not known."""

    def descriptors_ratio(self) -> float:
        """Return which share of its file descriptors the process uses, 0 to 1; 0: not known."""


class MachineSensors:
    """The machine's own answers.

    Args:
        folder: where the database lies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def disk_free_bytes(self) -> int:
        """Return the room in the folder."""
        return shutil.disk_usage(self._folder).free

    def memory_bytes(self) -> int:
        """Return the resident set; 0 where the system does not tell."""
        return int(_STATM.read_text().split()[1]) * _PAGE if _STATM.exists() else 0

    def descriptors_ratio(self) -> float:
        """Return open descriptors over the limit; 0 where the system does not tell."""
        if not _DESCRIPTORS.exists():
            return 0.0
        import resource  # noqa: PLC0415 - Unix only

        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return len(os.listdir(_DESCRIPTORS)) / soft if soft > 0 else 0.0  # noqa: PTH208 - counts, opens nothing else


@dataclass(frozen=True, slots=True)
class HeartSettings:
    """How often the heart beats, and from where on it raises the alarm.

    Args:
        beat_s: seconds between two beats.
        memory_bytes: resident memory that calls a person (P10). descriptors_ratio: share of file descriptors (P17).
        silent_s: the watchdog is called dead after so many seconds without a word (P13).
        slow_s: a database that takes longer to answer calls a person (K2, K6).
    """

    beat_s: float = 1.0
    memory_bytes: int = 4_000_000_000
    descriptors_ratio: float = 0.8
    silent_s: float = 15.0
    slow_s: float = 5.0


class Heart:
    """Beats for one run.

    Args:
        name: of the heartbeat row. file: of the heartbeat file.
        store, writer, clock: of the run. sensors: of the machine.
        health: takes what was measured.
        words: what the row tells, as JSON. heeded: halts carried out.
        alert: told severity, kind and sentence, once per trouble.
        watchdog: name of the watchdog's row; empty: none is expected.
    """

    def __init__(  # noqa: PLR0913 - it measures for many
        self,
        name: str,
        file: Path,
        *,
        store: Store,
        writer: Writer,
        clock: Clock,
        sensors: Sensors,
        health: Health,
        words: Callable[[], str],
        heeded: Callable[[], tuple[str, ...]],
        alert: Callable[[int, str, str], None],
        watchdog: str = "",
        settings: HeartSettings | None = None,
    ) -> None:
        self._name, self._file, self._watchdog = name, file, watchdog
        self._store, self._writer, self._clock, self._sensors = store, writer, clock, sensors
        self._health, self._words, self._heeded, self._alert = health, words, heeded, alert
        self._settings = settings or HeartSettings()
        self._count = 0
        self._asked_ns = 0  # when the database was asked, while it has not answered
        self._silent = ""  # why the database did not answer
        self._trouble: set[str] = set()
        self._watchdog_seen: tuple[int, int] = (0, clock.monotonic_ns())
        self._spare = self._reserve()
        file.parent.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def _reserve() -> int:
        """Hold one descriptor back for the moment when there are no others."""
        return os.open(os.devnull, os.O_RDONLY)

    async def serve(self) -> None:
        """Beat until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat_file())
            group.create_task(self._beat_row())

    async def _beat_file(self) -> None:
        while True:
            self.beat()
            self.feel()
            await self._clock.sleep(self._settings.beat_s)

    async def _beat_row(self) -> None:
        while True:
            await self.beat_row()
            await self._clock.sleep(self._settings.beat_s)

    def beat(self, state: str = "RUNNING") -> None:
        """Write the file; a disk that does not take it is told once."""
        self._count += 1
        beat = Beat(self._count, self._clock.now_ns(), state, os.getpid(), self._heeded())
        try:
            write_beat(self._file, beat)
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE} and self._spare >= 0:
                os.close(self._spare)
                self._spare = -1
            self._tell("heartbeat", 1, f"The heartbeat cannot be written ({error.strerror}); the watchdog may act.")
        else:
            self._trouble.discard("heartbeat")

    async def beat_row(self) -> None:
        """Write the row, and take the time the database needs for it."""
        self._asked_ns = began = self._clock.monotonic_ns()
        store, now = self._store, self._clock.now_ns()
        work = partial(store.heartbeat, self._name, now, self._words())
        try:
            await self._writer.run(work)
            if self._watchdog:
                beats = await self._writer.run(store.heartbeats)
                self._hear_watchdog(beats.get(self._watchdog, (0, ""))[0])
        except StoreError as error:
            self._silent = self._silent or str(error)  # told once there is somewhere to write it
        else:
            if self._silent:
                self._alert(
                    1, "database", f"The database answers again; it had not taken the heartbeat: {self._silent}"
                )
            elif self._clock.monotonic_ns() - began > self._settings.slow_s * 1e9:
                waited_s = (self._clock.monotonic_ns() - began) / 1e9
                self._alert(1, "database", f"The database took {waited_s:.0f} s to answer; nothing new left meanwhile.")
            self._silent = ""
        self._asked_ns = 0
        self._health.db_latency_s = (self._clock.monotonic_ns() - began) / 1e9

    def _hear_watchdog(self, stamp: int) -> None:
        """Call somebody when the watchdog has gone silent; nothing else changes (P13)."""
        mono = self._clock.monotonic_ns()
        seen, since = self._watchdog_seen
        if stamp != seen:
            self._watchdog_seen = (stamp, mono)
            self._trouble.discard("watchdog")
        elif mono - since > self._settings.silent_s * 1e9:
            self._tell("watchdog", 1, "The watchdog gives no sign of life; nobody cancels entries if the engine hangs.")

    def feel(self) -> None:
        """Measure the machine, and call somebody before something runs out."""
        health, settings = self._health, self._settings
        if self._asked_ns:
            waited_s = (self._clock.monotonic_ns() - self._asked_ns) / 1e9
            health.db_latency_s = max(health.db_latency_s, waited_s)
        try:
            health.disk_free_bytes = self._sensors.disk_free_bytes()
            memory, share = self._sensors.memory_bytes(), self._sensors.descriptors_ratio()
        except OSError as error:
            self._tell("sensors", 1, f"The machine does not answer ({error.strerror}); entries stop.")
            health.disk_free_bytes = 0
            return
        self._trouble.discard("sensors")
        if memory > settings.memory_bytes:
            self._tell("memory", 2, f"The engine uses {memory / 1e6:,.0f} MB; restart it when the market is closed.")
        if share > settings.descriptors_ratio:
            self._tell("descriptors", 1, f"{share:.0%} of the file descriptors are in use; restart the engine.")
        elif self._spare < 0:
            self._spare = self._reserve()

    def _tell(self, kind: str, severity: int, sentence: str) -> None:
        if kind not in self._trouble:
            self._trouble.add(kind)
            self._alert(severity, kind, sentence)

    def close(self) -> None:
        """Say that the run has ended cleanly."""
        self.beat("STOPPED")
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
