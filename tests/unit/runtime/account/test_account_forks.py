"""Two orders that one replacement left behind: the fills of each are told apart, and together they close no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import Fate, die_at, haunt, lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.enums import Intent, Sizing
from tidemill.model.settings import StrategySettings
from tidemill.runtime.words import poller as commands

GROWS = {2: ("buy",), 5: ("buy",)}  # the stop for 10 becomes one for 20


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def forked(tmp_path: Path, store: Any, count: int = 14) -> World:
    """Return a world whose broker leaves the old stop alive beside the new one, and links nothing."""
    settings = StrategySettings(sizing=Sizing.FIXED, size_value=10.0, stop_loss_pct=5.0, pyramiding=2)
    world, _ = lossy_world(tmp_path, store, GROWS, settings=settings, prices=[100.0] * count, tail_s=30.0)
    world.faults.on("B13", times=1)
    world.faults.on("B23")
    return world


def on_fork(world: World, deed: Any) -> None:
    """Let something happen in the instant after the replacement left two orders."""
    fork = world.exchange._fork  # noqa: SLF001 - what the broker does by itself

    def then(order: Any) -> Any:
        twin = fork(order)
        world.clock.loop.call_later(0.08, deed)
        return twin

    world.exchange._fork = then  # type: ignore[method-assign]  # noqa: SLF001 - as above


@pytest.mark.parametrize("shows_all", [True, False])
def test_what_one_of_two_fills_is_taken_from_the_other_before_it_can_turn_the_position(
    tmp_path: Path, store: Any, shows_all: bool
) -> None:
    world = forked(tmp_path, store)
    if not shows_all:
        world.faults.on("B36")  # lists lack their last page: only the fill itself tells

    def touch() -> None:
        world.exchange._book(world.exchange.working(SYMBOL)[0], 10.0, 94.0)  # noqa: SLF001 - the old stop, alone

    def crash() -> None:
        world.exchange.trade(SYMBOL, 94.0)

    on_fork(world, touch)
    run = world.play_with((40.0, crash))
    old, new, *_ = world.sent(Intent.PROTECT)
    assert world.faults.fired["B13"] == 1
    assert old.filled == 10.0
    assert new.filled == 10.0  # of the twenty it was for
    assert world.exchange.position(SYMBOL) == 0.0
    assert world.broken(run) == []
    assert [fill.flags for fill in store.fills(world.run_id) if fill.side == "SELL"] == [f"BY:{old.broker_id}", ""]


def test_the_one_that_is_left_ends_at_once_when_the_other_has_closed_the_position(tmp_path: Path, store: Any) -> None:
    world = forked(tmp_path, store)
    working: list[int] = []

    def touch() -> None:
        world.exchange._book(world.exchange.working(SYMBOL)[0], 20.0, 94.0)  # noqa: SLF001 - all, by the old stop
        world.clock.loop.call_later(1.0, lambda: working.append(len(world.exchange.working(SYMBOL))))

    on_fork(world, touch)
    run = world.play()
    assert working == [0]
    assert world.exchange.position(SYMBOL) == 0.0
    assert world.broken(run) == []


def test_a_process_that_comes_after_tells_the_fills_apart_as_well(tmp_path: Path, store: Any) -> None:
    world = forked(tmp_path, store, 16)

    def touch() -> None:
        world.exchange._book(world.exchange.working(SYMBOL)[0], 10.0, 94.0)  # noqa: SLF001 - the old stop, alone

    on_fork(world, touch)
    with pytest.MonkeyPatch.context() as patch:
        fate = Fate()
        haunt(world, fate, patch)
        die_at(world, (24.0, lambda: setattr(fate, "is_dead", True)))
    world.wrap_store = world.wrap_broker = lambda inner: inner
    run = world.play_with((20.0, lambda: world.exchange.trade(SYMBOL, 94.0)))
    old, new, *_ = world.sent(Intent.PROTECT)
    order = run.book.by_client[old.client_id]
    assert order.incarnations.fills_by == {old.broker_id: 10.0, new.broker_id: 10.0}
    assert world.exchange.position(SYMBOL) == 0.0
    assert world.broken(run) == []
