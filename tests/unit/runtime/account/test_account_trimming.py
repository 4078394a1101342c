"""Somebody else trades what we hold: our stops are for no more than the broker shows, and grow back when it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.enums import Intent, Side
from tidemill.ports.store import CommandRow
from tidemill.runtime.words import poller as commands

BUY = {2: ("buy",)}
_LATER = 16.0


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 0.5)


def holding(tmp_path: Path, store: Any, script: Any = None, **more: Any) -> World:
    world, _ = lossy_world(tmp_path, store, script or BUY, prices=[100.0] * 25, tail_s=30.0, **more)
    return world


def by_hand(world: World, side: Side, units: float) -> Any:
    return lambda: world.exchange.trade_by_hand(SYMBOL, side, units)


def sizes(world: World, seen: list[Any]) -> Any:
    """Return what notes the units that the working stops are for."""
    return lambda: seen.append([order.remaining for order in world.exchange.working(SYMBOL)])


def put(store: Any, world: World, units: float) -> Any:
    body = json.dumps({"symbol": SYMBOL, "units": units, "price": 100.0})
    row = CommandRow(f"a-{world.run_id}", "ann", world.run_id, "adjust", body, "h", "NEW", "", 0)
    return lambda: store.put_command(row)


def test_a_stop_is_made_smaller_when_somebody_has_sold_a_part_of_what_we_hold(tmp_path: Path, store: Any) -> None:
    world, seen = holding(tmp_path, store), []
    run = world.play_with(
        (12.0, by_hand(world, Side.SELL, 4.0)),
        (12.0 + _LATER, sizes(world, seen)),
        (13.0 + _LATER, lambda: world.exchange.trade(SYMBOL, 94.0)),
    )
    assert seen == [[6.0]]
    assert world.exchange.position(SYMBOL) == 0.0  # the stop has closed what was left, and turned nothing
    assert "NAKED" not in world.kinds(run)
    assert "UNPROTECTED" not in world.kinds(run)
    assert run.present.units() == {SYMBOL: 4.0}  # until a person books the four units
    assert [order.intent for order in world.exchange.working(SYMBOL)] == []


def test_a_person_who_books_the_difference_leaves_the_stop_as_it_is(tmp_path: Path, store: Any) -> None:
    world, seen = holding(tmp_path, store), []
    run = world.play_with(
        (12.0, by_hand(world, Side.SELL, 4.0)),
        (12.0 + _LATER, put(store, world, -4.0)),
        (18.0 + _LATER, sizes(world, seen)),
    )
    assert seen == [[6.0]]
    (stop,) = world.sent(Intent.PROTECT)
    assert run.book.by_client[stop.client_id].quantity == 6.0
    assert run.present.units() == {SYMBOL: 6.0}
    assert world.exchange.truth.requests["replace"] == 2  # ours, and the one by which the core follows
    assert [item for item in world.broken(run) if "is lost" not in item] == []


def test_the_stop_grows_back_when_the_units_come_back(tmp_path: Path, store: Any) -> None:
    world, seen = holding(tmp_path, store), []
    run = world.play_with(
        (12.0, by_hand(world, Side.SELL, 4.0)),
        (12.0 + _LATER, by_hand(world, Side.BUY, 4.0)),
        (12.0 + 2 * _LATER, sizes(world, seen)),
    )
    assert seen == [[10.0]]
    assert run.present.health.recon_symbols == ()
    assert run.present.units() == {SYMBOL: 10.0}


def test_with_nothing_left_the_stop_is_taken_away_and_comes_back_with_the_units(tmp_path: Path, store: Any) -> None:
    world, seen, shown = holding(tmp_path, store), [], []
    run = world.play_with(
        (12.0, by_hand(world, Side.SELL, 10.0)),
        (12.0 + _LATER, sizes(world, seen)),
        (13.0 + _LATER, lambda: shown.extend(order.state for order in store.orders(world.run_id))),
        (14.0 + _LATER, by_hand(world, Side.BUY, 10.0)),
        (14.0 + 2 * _LATER, sizes(world, seen)),
    )
    assert seen == [[], [10.0]]
    assert shown == ["FILLED", "HELD"]  # the stop waits here for what it is to protect
    assert "NAKED" not in world.kinds(run)
    assert world.exchange.position(SYMBOL) == 10.0


def test_units_that_somebody_has_added_are_not_ours_to_protect(tmp_path: Path, store: Any) -> None:
    world, seen = holding(tmp_path, store), []
    world.play_with((12.0, by_hand(world, Side.BUY, 5.0)), (12.0 + _LATER, sizes(world, seen)))
    assert seen == [[10.0]]


def test_a_stop_made_smaller_by_hand_grows_back(tmp_path: Path, store: Any) -> None:
    world, seen = holding(tmp_path, store), []

    def shrink() -> None:
        order = world.exchange.working(SYMBOL)[0]
        order.quantity = 3.0

    world.play_with((12.0, shrink), (12.0 + 2 * _LATER, sizes(world, seen)))
    assert seen == [[10.0]]


def test_a_process_that_comes_after_finds_the_stop_as_small_as_it_has_to_be(tmp_path: Path, store: Any) -> None:
    world, seen = holding(tmp_path, store), []
    world.prices = [100.0] * 12
    world.tail_s = 5.0
    world.play_with((12.0, by_hand(world, Side.SELL, 4.0)))
    world.prices = [100.0] * 30
    run = world.play_with((_LATER, sizes(world, seen)))
    assert seen == [[6.0]]
    assert run.present.units() == {SYMBOL: 10.0}
