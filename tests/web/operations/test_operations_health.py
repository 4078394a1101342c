"""Signs of life: what is told to nobody in particular, and what is not well."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from installation import Service

from journal_rows import run_row
from tidemill.model.errors import StoreError
from tidemill.model.journal import Batch, ReconRow
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.runtime.guard.heartbeat import Beat, beat_file, write_beat


def beat(service: Service, name: str, age_s: float = 0.0, **health: object) -> None:
    """Let a process or run give a sign of life."""
    now = service.parts.clock.now_ns() - int(age_s * 1e9)
    if name in {"host", "api"}:
        file = beat_file(service.parts.home.halts, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_beat(file, Beat(1, now, "RUNNING", 1))
    else:
        service.parts.database.store.heartbeat(name, now, json.dumps({"health": health}))


def begin_run(service: Service, name: str = "r1", state: str = "RUNNING") -> None:
    row = run_row(name)
    row.state = state
    service.parts.database.store.commit(Batch(runs=[row]))


def well(service: Service, **health: object) -> None:
    begin_run(service)
    beat(service, "host")
    beat(service, "watchdog")
    beat(service, "run:r1", lag_s=0.001, feed_age_s=1.0, positions=1, orders=0, **health)


def reasons(service: Service) -> list[str]:
    answer = service.get("", "/v1/health/ready")
    assert answer["status"] == ("degraded" if answer["reasons"] else "ready")
    return answer["reasons"]


@pytest.mark.parametrize("path", ["/v1/health", "/v1/health/"])
def test_health_answers_with_and_without_a_slash(service: Service, path: str) -> None:
    answer = service.get("", path)
    assert answer["status"] == "healthy"
    assert answer["timestamp"].endswith("Z")


def test_live_tells_who_gave_a_sign_of_life(service: Service) -> None:
    beat(service, "host", 3.0)
    answer = service.get("", "/v1/health/live")
    assert answer["status"] == "alive"
    assert answer["uptime_seconds"] > 0
    assert answer["heartbeat_age_seconds"]["host"] == pytest.approx(3.0, abs=1.0)


def test_health_and_live_need_no_database(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise StoreError("locked")

    monkeypatch.setattr(type(service.parts.database), "rows", locked)
    monkeypatch.setattr(type(service.parts.database), "row", locked)
    assert service.get("", "/v1/health")["status"] == "healthy"
    assert service.get("", "/v1/health/live")["status"] == "alive"
    answer = service.get("", "/v1/health/ready", 503)
    assert answer["code"] == "not_ready"
    assert answer["details"]["checks"] == [
        {"name": "database", "is_well": False, "text": "The database does not answer."}
    ]
    assert "tidemill_database_up 0.0" in service.parts.operations.figures.text().decode()


def test_a_working_installation_is_ready(service: Service) -> None:
    well(service)
    assert reasons(service) == []


@pytest.mark.parametrize(
    ("name", "age_s", "reason"), [("host", 20.0, "host"), ("watchdog", 20.0, "watchdog"), ("run:r1", 20.0, "engine")]
)
def test_silence_is_noticed(service: Service, name: str, age_s: float, reason: str) -> None:
    well(service)
    beat(service, name, age_s)
    assert reasons(service) == [reason]


def test_a_late_loop_and_a_silent_feed_are_noticed(service: Service) -> None:
    well(service)
    beat(service, "run:r1", lag_s=2.5, feed_age_s=500.0, positions=1, orders=0)
    assert reasons(service) == ["loop_lag", "feed"]
    beat(service, "run:r1", lag_s=0.0, feed_age_s=500.0, positions=0, orders=0)  # nothing is at stake
    assert reasons(service) == []


def test_differences_halts_and_a_full_disk_are_noticed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    well(service)
    account = run_row("r1").account
    report = json.dumps({"differences": [["SPY", 1, 2]]})
    old, new = (ReconRow(f"k{n}", "r1", account, 1, n, n, "blocked", report) for n in (1, 2))
    service.parts.database.store.commit(Batch(recon=[old, new]))
    Halts(service.parts.home.halts).halt("system", Rung.PAUSE, "test", "ann", 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=5_000_000))
    assert reasons(service) == ["disk", "reconciliation", "halts"]
    text = service.parts.operations.figures.text().decode()
    assert "tidemill_reconciliation_differences 1.0" in text  # only the newest comparison counts
    assert 'tidemill_guard_halted{scope="system"} 1.0' in text
    assert "tidemill_disk_free_bytes 5e+06" in text
    assert 'tidemill_runs{status="RUNNING"} 1.0' in text


def test_a_run_that_is_over_is_not_waited_for(service: Service, tmp_path: Path) -> None:
    begin_run(service, "r1", "STOPPED")
    beat(service, "host")
    beat(service, "run:r1", 900.0, lag_s=9.0, feed_age_s=900.0, positions=3)
    assert reasons(service) == []
