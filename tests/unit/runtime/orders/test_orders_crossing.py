"""A fresh stop and an exit at market do not cross: whichever is on its way is waited for, and never for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from death import Lossy, lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.enums import EventKind, Intent
from tidemill.model.records import EVENT
from tidemill.runtime.words import poller as commands
from tidemill.runtime.words.words import IntentWord

_FILLED_S = 6.1  # the entry's, seconds after the open


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def close_now(world: World) -> Any:
    """Return what a person's word to close does."""
    row = np.zeros(1, EVENT)
    row["kind"], row["code"], row["extra"], row["row"] = int(EventKind.INTENT), -1, int(Intent.EXIT), -1
    return lambda: world.runs[-1].parts.inbox.operator(IntentWord(row.copy(), "ann", "k"))


def slow(world: World, lossy: Lossy, intent: Intent, seconds: float, then: Any) -> None:
    """Let orders of an intent travel so long, and something happen right after each has arrived."""

    async def submit(order: Any) -> Any:
        if order.intent is not intent:
            return await lossy.inner.submit(order)
        await world.clock.sleep(seconds)
        answer = await lossy.inner.submit(order)
        then()
        return answer

    lossy.submit = submit  # type: ignore[method-assign]


def crash(world: World) -> Any:
    return lambda: world.exchange.trade(SYMBOL, 94.0)


def test_an_exit_waits_for_the_stop_that_is_on_its_way(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, prices=[100.0] * 4)
    slow(world, lossy, Intent.PROTECT, 1.2, crash(world))
    run = world.play_with((_FILLED_S + 0.3, close_now(world)))
    assert world.exchange.position(SYMBOL) == 0.0
    assert len(world.exchange.truth.fills) == 2  # the entry's and the stop's: nothing was closed twice
    assert world.broken(run) == []


def test_an_exit_does_not_wait_for_ever_for_a_stop_that_does_not_arrive(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, prices=[100.0] * 4)
    slow(world, lossy, Intent.PROTECT, 60.0, crash(world))
    world.play_with((_FILLED_S + 0.3, close_now(world)))
    (exit_,) = world.sent(Intent.EXIT)
    decided = world.exchange.truth.fills[0].ts_ns + 300_000_000
    assert exit_.created_ns - decided <= 3_000_000_000
    assert world.exchange.position(SYMBOL) == 0.0


def test_a_stop_waits_for_the_exit_that_is_on_its_way(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, prices=[100.0] * 5, tail_s=10.0)
    world.faults.on("B23")  # the venue does not cancel the sibling
    slow(world, lossy, Intent.EXIT, 0.7, lambda: world.clock.loop.call_later(0.05, crash(world)))

    def cancel_by_hand() -> None:
        (stop,) = world.exchange.working(SYMBOL)
        world.exchange.cancel("", stop.broker_id)

    run = world.play_with((_FILLED_S + 1.0, close_now(world)), (_FILLED_S + 1.5, cancel_by_hand))
    assert world.exchange.position(SYMBOL) == 0.0
    assert len(world.exchange.truth.fills) == 2
    assert world.broken(run) == []
