"""Workers die, jobs run away, processes end: a job's row tells it honestly, and the next job runs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hosting import until
from installation import Service, make_service
from sqlalchemy import insert, select, update

from tidemill.adapters.sql.service_tables import JOBS
from tidemill.bootstrap.research import build_research
from tidemill.services.jobs.asked import BacktestWish
from tidemill.services.jobs.backtests import StrategyWish
from tidemill.services.jobs.limits import WorkLimits, limits_for, machine_memory, workers_within
from tidemill.services.jobs.pool import Pool

SHORT = {"strategy": "meanReversion", "symbols": ["AAPL"], "wait": False}
# A few seconds of work: many simulated sessions.
LONG = {
    "strategy": "momentum",
    "symbols": ["SIMA"],
    "data": {"kind": "synthetic", "sessions": 120},
    "wait": False,
}
OVER = {"DONE", "FAILED", "CANCELLED"}
FULL = {"progress_ratio": 0.0, "created_ns": 1, "started_ns": 0, "ended_ns": 0, "beat_ns": 0, "is_cancelled": 0}


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return an installation whose one worker has everything loaded."""
    for service in make_service(tmp_path_factory.mktemp("workers")):
        limited(service, WorkLimits())
        ended(service, "trader", service.post("trader", "/v1/backtests/run", SHORT, 202)["id"])
        yield service


def limited(service: Service, limits: WorkLimits) -> Pool:
    """Give a service one worker with other limits; the old one ends."""
    backtests = service.parts.research.backtests
    backtests.pool.close()
    backtests.pool = Pool(
        service.parts.home, backtests.queue, service.parts.ids, service.parts.log, workers=1, limits=limits
    )
    return backtests.pool


def look(service: Service, name: str, job_id: str) -> Any:
    return service.get(name, f"/v1/backtests/{job_id}")


def ended(service: Service, name: str, job_id: str) -> Any:
    return until(lambda: look(service, name, job_id), lambda job: job["status"] in OVER)


def begun(service: Service, name: str) -> str:
    """Begin a long job and wait until a worker has it."""
    job_id = service.post(name, "/v1/backtests/run", LONG, 202)["id"]
    until(lambda: look(service, name, job_id)["status"], lambda status: status == "RUNNING")
    pool = service.parts.research.backtests.pool
    until(lambda: pool.pids, lambda pids: pids)
    return str(job_id)


def test_a_killed_worker_fails_its_job_and_the_next_one_runs(at_work: Service) -> None:
    job_id = begun(at_work, "enterprise")
    os.kill(at_work.parts.research.backtests.pool.pids[0], signal.SIGKILL)
    job = ended(at_work, "enterprise", job_id)
    assert (job["status"], "signal 9" in job["message"]) == ("FAILED", True)
    done = ended(at_work, "trader", at_work.post("trader", "/v1/backtests/run", SHORT, 202)["id"])
    assert done["status"] == "DONE"


def test_a_cancelled_job_ends_at_work_and_waiting(at_work: Service) -> None:
    running = begun(at_work, "enterprise")
    waiting = at_work.post("trader", "/v1/backtests/run", SHORT, 202)["id"]
    assert at_work.post("trader", f"/v1/backtests/{waiting}/cancel")["status"] == "CANCELLED"
    at_work.post("enterprise", f"/v1/backtests/{running}/cancel")
    assert ended(at_work, "enterprise", running)["status"] == "CANCELLED"
    at_work.get("enterprise", f"/v1/backtests/{running}/result", 409)
    assert at_work.get("enterprise", "/v1/performance/overview")["performances"] == []


@pytest.mark.parametrize(
    ("limits", "body", "word"),
    [
        (WorkLimits(wall_s=0.5), LONG, "longer than 0.5 s"),
        (WorkLimits(cpu_s=0), LONG, "processor time"),
        (WorkLimits(memory_bytes=384 << 20), LONG, "memory"),
    ],
)
def test_a_job_that_runs_away_is_ended_by_its_limit(
    at_work: Service, limits: WorkLimits, body: dict[str, Any], word: str
) -> None:
    limited(at_work, limits)
    try:
        job = ended(at_work, "enterprise", at_work.post("enterprise", "/v1/backtests/run", body, 202)["id"])
        assert job["status"] == "FAILED"
        assert word in job["message"] or "died" in job["message"]
    finally:
        limited(at_work, WorkLimits())


def test_one_runs_at_a_time_and_the_tier_bounds_the_queue(at_work: Service) -> None:
    limited(at_work, WorkLimits()).close()  # nobody works anything off
    made = [
        at_work.post("basic", "/v1/backtests/run", {**SHORT, "initialCapital": cash}, 202) for cash in (1e4, 2e4, 3e4)
    ]
    told = at_work.post("basic", "/v1/backtests/run", {**SHORT, "initialCapital": 4e4}, 409)
    assert told["details"] == {
        "tier": "BASIC",
        "current": 3,
        "maximum": 3,
        "active": [job["id"] for job in made],
    }
    same = at_work.post("basic", "/v1/backtests/run", {**SHORT, "initialCapital": 2e4}, 202)
    assert (same["id"], same["bodyHash"]) == (made[1]["id"], made[1]["bodyHash"])
    queue = at_work.parts.research.backtests.queue
    taken = queue.take("test")
    assert taken is not None and taken[0].id == made[0]["id"]
    assert queue.take("test") is None  # theirs wait for each other
    for job in made:
        at_work.post("basic", f"/v1/backtests/{job['id']}/cancel")
    queue.put_back(taken[0], "test")
    limited(at_work, WorkLimits())


def test_fifty_at_once_take_exactly_the_places_there_are(at_work: Service) -> None:
    limited(at_work, WorkLimits()).close()
    answers: list[int] = []

    def ask(number: int) -> None:
        body = {**SHORT, "initialCapital": 1_000 + number}
        answers.append(
            at_work.client.post("/v1/backtests/run", json=body, headers=at_work.headers("premium")).status_code
        )

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202] * 10 + [409] * 40
    for job in at_work.get("premium", "/v1/backtests?status=QUEUED")["backtests"]:
        at_work.post("premium", f"/v1/backtests/{job['id']}/cancel")
    limited(at_work, WorkLimits())


def test_more_bars_than_the_tier_has_are_refused_before_and_after_reading(at_work: Service) -> None:
    body = {**SHORT, "symbols": ["SIMA", "SIMB"], "data": {"kind": "synthetic", "sessions": 2_000}}
    told = at_work.post("free", "/v1/backtests/run", body, 422)
    assert (told["code"], told["details"]["maximum"]) == ("over_quota", 500_000)
    folder = at_work.parts.home.folder / "data"
    folder.mkdir(exist_ok=True)
    stamps = range(1_577_836_800, 1_577_836_800 + 500_001 * 60, 60)
    lines = (f"{stamp},1,1,1,1,1" for stamp in stamps)
    (folder / "BTCUSD_1min.csv").write_text(
        "\n".join(["timestamp,open,high,low,close,volume", *lines]), encoding="ascii"
    )
    job = at_work.post("free", "/v1/backtests/run", {**SHORT, "symbols": ["BTCUSD"]}, 202)
    told = ended(at_work, "free", job["id"])
    assert (told["status"], "500,001 bars" in told["message"]) == ("FAILED", True)


def test_jobs_of_a_process_that_is_gone_are_taken_up_once_and_then_fail(at_work: Service) -> None:
    limited(at_work, WorkLimits()).close()
    job_id = at_work.post("other", "/v1/backtests/run", SHORT, 202)["id"]
    queue, database = at_work.parts.research.backtests.queue, at_work.parts.database

    def lose() -> None:
        assert queue.take("gone") is not None
        with database.write() as writing:
            writing.run(update(JOBS).where(JOBS.c.id == job_id).values(beat_ns=1))

    lose()
    lose()  # taken up again, and lost again
    assert queue.take("gone") is None
    assert (look(at_work, "other", job_id)["status"], "second time" in look(at_work, "other", job_id)["message"]) == (
        "FAILED",
        True,
    )
    limited(at_work, WorkLimits())


def test_a_restart_goes_on_with_what_was_at_work(at_work: Service) -> None:
    parts = at_work.parts
    job_id = begun(at_work, "other")
    parts.research.backtests.pool.close()
    assert look(at_work, "other", job_id)["status"] == "QUEUED"
    fresh = build_research(parts.home, parts.database, parts.clock, parts.ids, parts.log, parts.fleet)
    fresh.backtests.start()
    try:
        assert ended(at_work, "other", job_id)["status"] == "DONE"
    finally:
        fresh.backtests.close()
    records = at_work.get("other", "/v1/performance/overview")["performances"]
    assert [item["job_id"] for item in records].count(job_id) == 1
    limited(at_work, WorkLimits())


def test_the_oldest_jobs_beyond_two_hundred_go(at_work: Service) -> None:
    limited(at_work, WorkLimits()).close()
    database, user = at_work.parts.database, at_work.users["viewer"].user_id
    row = database.row(select(JOBS).limit(1))
    assert row is not None
    with database.write() as writing:
        for number in range(205):
            old = {**row, **FULL, "id": f"old-{number:03}", "user_id": user, "status": "DONE", "created_ns": number + 1}
            writing.run(insert(JOBS).values(old))
    at_work.parts.research.backtests.submit(
        at_work.principal("viewer"), StrategyWish("momentum"), BacktestWish(["AAPL"])
    )
    left = [job["id"] for job in at_work.get("viewer", "/v1/backtests?limit=1000&status=DONE")["backtests"]]
    assert (len(left), left[-1]) == (200, "old-005")
    limited(at_work, WorkLimits())


@pytest.mark.parametrize("gigabytes", [0, 2, 4, 8, 16, 64, 512])
def test_all_workers_together_stay_within_the_machine(gigabytes: int) -> None:
    whole = gigabytes << 30
    for processors in (1, 2):
        workers = workers_within(processors, whole)
        limits = limits_for(workers, whole)
        assert 1 <= workers <= processors
        assert limits.memory_bytes <= WorkLimits().memory_bytes
        assert not whole or workers * limits.memory_bytes <= whole
    assert machine_memory() >= 0


def test_what_memory_does_not_hold_is_refused_whatever_the_tier(at_work: Service) -> None:
    limited(at_work, WorkLimits(memory_bytes=1 << 30)).close()
    body = {**LONG, "data": {"kind": "synthetic", "sessions": 2_000}}
    told = at_work.post("enterprise", "/v1/backtests/run", body, 422)
    assert told["code"] == "over_quota" and told["details"]["maximum"] == 100_000
    assert "the memory of this machine holds 100,000" in told["message"]
    limited(at_work, WorkLimits())
