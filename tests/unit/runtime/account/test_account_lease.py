"""Only one engine sends for an account, whatever sleeps, dies or is restored."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import lossy_world
from live_scene import SYMBOL, World, WorldClock
from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import LeaseLost, StoreMismatch
from tidemill.ports.store import ENGINE
from tidemill.runtime.account.lease import LEASE_NS, EpochMark, LeaseKeeper
from tidemill.runtime.account.owner import is_dead, is_process, process_name
from tidemill.runtime.clock import SystemIds
from tidemill.runtime.record.writer import InlineWriter
from tidemill.runtime.words import poller as commands


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def keeper(store: Any, clock: WorldClock, account: str, owner: str) -> LeaseKeeper:
    return LeaseKeeper(store, InlineWriter(), clock, account, owner)


def test_a_lease_lasts_from_the_question_on_and_is_prolonged(store: Any) -> None:
    clock = WorldClock()
    mine = keeper(store, clock, "L1", "a")
    run = clock.loop.run_until_complete
    assert run(mine.take()).epoch == 1
    assert mine.remaining_ns == LEASE_NS
    clock.pause(4.0)
    assert mine.remaining_ns == LEASE_NS - 4_000_000_000
    assert not mine.was_paused()
    run(mine.renew())
    assert mine.remaining_ns == LEASE_NS
    clock.pause(8.0)
    assert mine.was_paused()


def test_a_machine_that_was_suspended_notices_by_the_wall_clock(store: Any) -> None:
    clock = WorldClock()
    mine = keeper(store, clock, "L2", "a")
    clock.loop.run_until_complete(mine.take())
    clock.jump(3600.0)  # the clock of intervals stood still
    assert mine.was_paused()


def test_a_second_engine_is_refused_until_the_lease_has_run_out_and_then_the_first_is_out(store: Any) -> None:
    clock = WorldClock()
    run = clock.loop.run_until_complete
    first, second = keeper(store, clock, "L3", "a"), keeper(store, clock, "L3", "b")
    run(first.take())
    with pytest.raises(LeaseLost, match="owns it for another"):
        run(second.take())
    clock.pause(15.1)
    assert first.remaining_ns < 0
    assert run(second.take()).epoch == 2
    with pytest.raises(LeaseLost, match="another engine"):
        run(first.renew())
    run(first.release())  # harmless
    assert run(second.renew()).epoch == 2


def engine(pid: int, place: str = "", began: str = "1") -> str:
    """Return the name of another engine's process."""
    return f"{ENGINE}host:{pid}:word{pid}:{place}:{began}"


def test_the_lease_of_a_process_that_lives_is_waited_for_only_until_it_is_prolonged(store: Any) -> None:
    clock = WorldClock()
    run = clock.loop.run_until_complete
    first, second = keeper(store, clock, "L4", engine(1)), keeper(store, clock, "L4", engine(2))
    run(first.take())

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            wants = group.create_task(second.take())
            await clock.sleep(1.2)
            await first.renew()
            await clock.sleep(0.5)
            assert wants.done()

    with pytest.raises(BaseExceptionGroup) as refused:
        run(both())
    assert refused.group_contains(LeaseLost, match="owns it for another")
    assert second.lease is None


def test_the_lease_of_a_silent_process_is_taken_once_it_has_run_out_or_was_given_back(store: Any) -> None:
    clock = WorldClock()
    run = clock.loop.run_until_complete
    first, second = keeper(store, clock, "L5", engine(1)), keeper(store, clock, "L5", engine(2))
    run(first.take())
    began = clock.monotonic_ns()
    assert run(second.take()).epoch == 2
    assert LEASE_NS <= clock.monotonic_ns() - began < LEASE_NS + 1_000_000_000
    with pytest.raises(LeaseLost):
        run(first.renew())

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            wants = group.create_task(first.take())
            await clock.sleep(1.2)
            await second.release()
            await clock.sleep(0.6)
            assert wants.done()

    run(both())
    assert first.lease is not None
    assert first.lease.epoch == 3


def test_a_process_of_this_machine_that_has_ended_is_not_waited_for(store: Any) -> None:
    mine = process_name(SystemIds())
    assert is_process(mine)
    assert not is_dead(mine)
    assert process_name(SystemIds()) != mine
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    host, _, word, place, began = mine.rsplit(":", 4)
    dead = f"{host}:{ended.pid}:{word}:{place}:{began}"
    elsewhere = f"{host}:{ended.pid}:{word}:another.1:{began}"
    assert is_dead(dead) == bool(place)  # where the system tells nothing, nothing is certain
    assert not is_dead(elsewhere)
    for odd in ("", "engine", "watchdog", f"{ENGINE}host", engine(-1, place), engine(1, place="")):
        assert not is_dead(odd)
    if not place:
        return
    clock = WorldClock()
    run = clock.loop.run_until_complete
    run(keeper(store, clock, "L6", dead).take())
    began_ns = clock.monotonic_ns()
    assert run(keeper(store, clock, "L6", mine).take()).epoch == 2
    assert clock.monotonic_ns() == began_ns


def test_an_epoch_that_was_used_before_is_refused(tmp_path: Path) -> None:
    mark = EpochMark(tmp_path / "runs", "A/B: 1")
    mark.check(1)
    mark.check(4)
    for epoch in (3, 4):
        with pytest.raises(StoreMismatch, match="older backup"):
            EpochMark(tmp_path / "runs", "A/B: 1").check(epoch)
    EpochMark(tmp_path / "runs", "another").check(1)


def test_an_engine_that_slept_past_its_lease_sends_nothing_more(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(
        tmp_path, store, {2: ("buy",), 4: ("buy", {"add": 1}), 6: ("close",)}, prices=[100.0] * 9
    )
    calls: list[int] = []

    def sleep_while_another_starts() -> None:
        world.clock.pause(20.0)
        store.take_lease(world.account, "another", world.clock.now_ns(), LEASE_NS)
        calls.append(len(lossy.calls))

    with pytest.raises(BaseExceptionGroup) as raised:
        world.play_with((10.5, sleep_while_another_starts))
    assert raised.group_contains(LeaseLost)
    assert len(lossy.calls) == calls[0] == 2  # the first entry and its stop, long before


def test_an_engine_that_slept_and_is_still_the_owner_compares_before_it_goes_on(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: ("buy",), 12: ("close",)}, prices=[100.0] * 14)
    asked: list[int] = []

    def sleep() -> None:
        asked.append(world.exchange.truth.requests["positions"])
        world.clock.pause(20.0)

    run = world.play_with((10.5, sleep), (32.6, lambda: asked.append(world.exchange.truth.requests["positions"])))
    assert "PAUSED" in world.kinds(run)
    assert asked[1] > asked[0]
    assert world.broken(run) == []
    assert run.present.health.is_reconciled


def test_a_database_restored_from_an_older_backup_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path / "w", {2: ("buy",)}, [100.0] * 5, bar_ns=3_000_000_000, tail_s=5.0)
    world.play()
    held = world.exchange.position(SYMBOL)
    world.store.close()
    world.store = open_store("sqlite://", migrate=True, verify=False)  # as it was before all of this
    with pytest.raises(StoreMismatch, match="lease 1 was used already"):
        world.play()
    assert world.exchange.position(SYMBOL) == held == 10.0
    assert world.exchange.truth.requests["submit"] == 2
    world.store.close()
