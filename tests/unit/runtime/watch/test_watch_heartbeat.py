"""The heartbeat measures what the guard asks for, and calls somebody once per trouble (P10, P13, P17, K1, K6)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tidemill.model.errors import StoreError
from tidemill.runtime.guard.heartbeat import beat_file, read_beat
from tidemill.runtime.orders.present import Health
from tidemill.runtime.record.writer import InlineWriter
from tidemill.runtime.watch import heartbeat
from tidemill.runtime.watch.heartbeat import Heart, HeartSettings, MachineSensors

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        return 1_000 * SECOND + self.ns

    def monotonic_ns(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        self.ns += int(seconds * SECOND)


class Database:
    def __init__(self, clock: Clock) -> None:
        self.clock, self.takes_s, self.is_locked = clock, 0.0, False
        self.beats: dict[str, tuple[int, str]] = {}

    def heartbeat(self, name: str, now_ns: int, body: str) -> None:
        self.clock.ns += int(self.takes_s * SECOND)
        if self.is_locked:
            raise StoreError("locked")
        self.beats[name] = (now_ns, body)

    def heartbeats(self) -> Mapping[str, tuple[int, str]]:
        return self.beats


class Feel:
    def __init__(self) -> None:
        self.free, self.memory, self.share = 10**12, 10**8, 0.1

    def disk_free_bytes(self) -> int:
        return self.free

    def memory_bytes(self) -> int:
        return self.memory

    def descriptors_ratio(self) -> float:
        return self.share


class Scene:
    def __init__(self, folder: Path, watchdog: str = "") -> None:
        self.clock, self.feel, self.health = Clock(), Feel(), Health()
        self.store, self.alerts = Database(self.clock), list[tuple[int, str, str]]()
        self.file = beat_file(folder / "t.db.halts", "R1")
        self.heart = Heart(
            "run:R1",
            self.file,
            store=self.store,
            writer=InlineWriter(),
            clock=self.clock,
            sensors=self.feel,
            health=self.health,
            words=lambda: "{}",
            heeded=lambda: ("system=1",),
            alert=lambda *alert: self.alerts.append(alert),
            watchdog=watchdog,
            settings=HeartSettings(memory_bytes=10**9),
        )

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.alerts]


def test_a_beat_tells_pid_state_and_halts_carried_out(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.heart.beat()
    beat = read_beat(scene.file)
    assert beat is not None
    assert (beat.count, beat.state, beat.pid, beat.heeded) == (1, "RUNNING", os.getpid(), ("system=1",))
    scene.heart.close()
    stopped = read_beat(scene.file)
    assert stopped is not None
    assert stopped.state == "STOPPED"


def test_what_is_measured_reaches_the_guard(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.store.takes_s, scene.feel.free = 0.7, 5
    asyncio.run(scene.heart.beat_row())
    scene.heart.feel()
    assert (scene.health.db_latency_s, scene.health.disk_free_bytes) == (0.7, 5)


def test_a_locked_database_is_told_once_it_answers_again_k6(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.store.is_locked, scene.store.takes_s = True, 5.0
    for _ in range(3):
        asyncio.run(scene.heart.beat_row())
    assert scene.health.db_latency_s == 5.0
    assert scene.alerts == []  # there is nowhere to write it
    scene.store.is_locked = False
    for _ in range(3):
        asyncio.run(scene.heart.beat_row())
    assert scene.kinds() == ["database"]


def test_a_database_that_was_slow_to_answer_calls_somebody_k2_k6(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    for takes_s in (4.9, 12.0, 0.1):
        scene.store.takes_s = takes_s
        asyncio.run(scene.heart.beat_row())
    assert [(severity, kind) for severity, kind, _ in scene.alerts] == [(1, "database")]
    assert "12 s" in scene.alerts[0][2]


def test_memory_and_descriptors_call_somebody_once_p10_p17(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.feel.memory, scene.feel.share = 2 * 10**9, 0.95
    for _ in range(5):
        scene.heart.feel()
    assert scene.kinds() == ["memory", "descriptors"]


def test_a_machine_that_does_not_answer_stops_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path)

    def fail() -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(scene.feel, "disk_free_bytes", fail)
    scene.heart.feel()
    assert scene.health.disk_free_bytes == 0
    assert scene.kinds() == ["sensors"]


def test_a_beat_that_cannot_be_written_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(heartbeat, "write_beat", full)
        scene.heart.beat()
        scene.heart.beat()
    assert scene.kinds() == ["heartbeat"]
    scene.heart.beat()
    with monkeypatch.context() as patch:
        patch.setattr(heartbeat, "write_beat", full)
        scene.heart.beat()
    assert scene.kinds() == ["heartbeat", "heartbeat"]


def test_a_silent_watchdog_is_told_and_nothing_else_happens_p13(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "watchdog")
    for beat in range(10):
        scene.store.beats["watchdog"] = (beat, "")
        asyncio.run(scene.heart.beat_row())
        scene.clock.ns += SECOND
    assert scene.alerts == []
    for _ in range(30):
        asyncio.run(scene.heart.beat_row())
        scene.clock.ns += SECOND
    assert scene.kinds() == ["watchdog"]


def test_the_machine_answers(tmp_path: Path) -> None:
    sensors = MachineSensors(tmp_path)
    assert sensors.disk_free_bytes() > 0
    assert sensors.memory_bytes() >= 0
    assert 0.0 <= sensors.descriptors_ratio() < 1.0
