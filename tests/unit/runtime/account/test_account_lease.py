"""Only one engine sends for an account, whatever sleeps, dies or is restored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import lossy_world
from live_scene import SYMBOL, World, WorldClock
from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import LeaseLost, StoreMismatch
from tidemill.runtime.account.lease import LEASE_NS, EpochMark, LeaseKeeper
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
