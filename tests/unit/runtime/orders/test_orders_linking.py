"""Brokers that link no orders: what is linked waits here, and exits never add up to more than is held (promise 10)."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from live_scene import SYMBOL, World, flat_prices
from tidemill.model.enums import Intent, OrderState, OrderType, Side, Sizing
from tidemill.model.errors import OrderRejected
from tidemill.model.settings import StrategySettings
from tidemill.runtime.life.run import Run
from tidemill.testing.exchange import SCRIPTED_RULES

APART = replace(SCRIPTED_RULES, links_orders=False)
BRACKET = StrategySettings(sizing=Sizing.FIXED, size_value=10.0, stop_loss_pct=5.0, take_profit_pct=3.0)


def world(folder: Path, script: Any, prices: list[Any], settings: StrategySettings = BRACKET, **more: Any) -> World:
    made = World(folder, script, prices, settings, rules=APART, bar_ns=6_000_000_000, **more)
    watch_exits(made)
    return made


def watch_exits(made: World) -> None:
    """Fail as soon as orders that work at the broker could together turn the position."""
    enlist = made.exchange._enlist  # noqa: SLF001 - the one place where an order begins to live

    def checked(request: Any) -> Any:
        order = enlist(request)
        assert (request.group, request.parent) == ("", "")
        if request.intent is not Intent.ENTRY:
            out = [item for item in made.exchange.working(SYMBOL) if item.intent is not Intent.ENTRY]
            units = sum(item.remaining for item in out if item.side is order.side)
            assert units <= max(-order.side * made.exchange.position(SYMBOL), 0.0), [item.client_id for item in out]
        return order

    made.exchange._enlist = checked  # type: ignore[method-assign]  # noqa: SLF001


def stops(made: World) -> list[Any]:
    return [order for order in made.sent(Intent.PROTECT) if order.type is OrderType.STOP]


def targets(made: World) -> list[Any]:
    return [order for order in made.sent(Intent.PROTECT) if order.type is OrderType.LIMIT]


def ended_well(made: World, run: Run) -> None:
    assert made.broken(run) == []
    assert "NAKED" not in made.kinds(run) and "OVERFILL" not in made.kinds(run)


def test_the_stop_rests_at_the_broker_and_the_target_waits_here(tmp_path: Path) -> None:
    made = world(tmp_path, {1: ("buy",)}, flat_prices(4))
    run = made.play()
    (stop,) = stops(made)
    assert stop.is_open and targets(made) == []
    (target,) = [order for order in run.book.open_orders() if order.request.type is OrderType.LIMIT]
    assert target.is_held and target.state is OrderState.SENDING
    shown = {row.client_id: row.state for row in made.store.orders(made.run_id)}
    assert shown[target.request.client_id] == "HELD"


def test_a_reached_target_takes_the_stops_place_and_fills(tmp_path: Path) -> None:
    made = world(tmp_path, {1: ("buy",)}, [100.0, 100.0, 104.0, 104.0, 104.0])
    run = made.play()
    (target,) = targets(made)
    assert target.filled == 10.0 and made.exchange.position(SYMBOL) == 0.0
    assert all(not order.is_open for order in made.exchange.truth.orders)
    ended_well(made, run)


def test_a_target_that_is_touched_and_left_gives_the_place_back(tmp_path: Path) -> None:
    prices = [100.0, 100.0, [103.1, 101.0, 101.0], 101.0, 101.0, 94.0, 94.0]
    made = world(tmp_path, {1: ("buy",)}, prices)
    run = made.play()
    assert stops(made)[-1].filled == 10.0 and made.exchange.position(SYMBOL) == 0.0
    ended_well(made, run)


def test_the_stop_closes_and_the_waiting_target_ends(tmp_path: Path) -> None:
    made = world(tmp_path, {1: ("buy",)}, [100.0, 100.0, 94.0, 94.0])
    run = made.play()
    assert stops(made)[0].filled == 10.0 and targets(made) == []
    ended_well(made, run)


def test_an_exit_waits_until_the_stop_is_gone(tmp_path: Path) -> None:
    made = world(tmp_path, {1: ("buy",), 3: ("close",)}, flat_prices(5))
    run = made.play()
    (exit_order,) = made.sent(Intent.EXIT)
    assert exit_order.filled == 10.0 and made.exchange.position(SYMBOL) == 0.0
    ended_well(made, run)


def test_a_part_closed_leaves_a_stop_for_the_rest(tmp_path: Path) -> None:
    made = world(tmp_path, {1: ("buy",), 3: ("close", {"quantity": 4.0})}, flat_prices(6))
    run = made.play()
    assert made.exchange.position(SYMBOL) == 6.0
    working = made.exchange.working(SYMBOL)
    assert [(order.type, order.remaining) for order in working] == [(OrderType.STOP, 6.0)]
    assert "NAKED" not in made.kinds(run)


def test_a_position_that_grows_keeps_one_stop_for_all_of_it(tmp_path: Path) -> None:
    settings = replace(BRACKET, pyramiding=3)
    made = world(tmp_path, {1: ("buy",), 3: ("buy",)}, flat_prices(6), settings)
    made.play()
    assert made.exchange.position(SYMBOL) == 20.0
    assert [order.remaining for order in made.exchange.working(SYMBOL)] == [20.0]


def test_a_stop_that_fills_in_parts_shrinks_what_waits(tmp_path: Path) -> None:
    prices = [100.0, 100.0, [(94.0, 4.0), 97.0, 97.0], 97.0, 104.0, 104.0, 104.0]
    made = world(tmp_path, {1: ("buy",)}, prices)
    run = made.play()
    assert made.exchange.position(SYMBOL) == 0.0
    ended_well(made, run)


def test_a_target_that_fills_in_parts_hands_the_rest_to_the_stop(tmp_path: Path) -> None:
    prices = [100.0, 100.0, [103.5, (103.5, 3.0), 101.0], 101.0, 101.0, 94.0, 94.0]
    made = world(tmp_path, {1: ("buy",)}, prices)
    run = made.play()
    assert made.exchange.position(SYMBOL) == 0.0
    ended_well(made, run)


def test_a_reversal_sends_its_entry_once_the_exit_has_filled(tmp_path: Path) -> None:
    settings = replace(BRACKET, allow_short=True)
    made = world(tmp_path, {1: ("buy",), 3: ("sell", {"quantity": 5.0})}, flat_prices(6), settings)
    run = made.play()
    assert made.exchange.position(SYMBOL) == -5.0
    (exit_order,) = made.sent(Intent.EXIT)
    (_, entry) = made.sent(Intent.ENTRY)
    assert entry.side is Side.SELL and entry.created_ns >= exit_order.updated_ns
    assert [(order.type, order.side, order.remaining) for order in made.exchange.working(SYMBOL)] == [
        (OrderType.STOP, Side.BUY, 5.0)
    ]
    assert "NAKED" not in made.kinds(run)


def test_a_child_ends_with_a_parent_that_never_filled(tmp_path: Path) -> None:
    settings = replace(BRACKET, allow_short=True, stop_loss_pct=0.0, take_profit_pct=0.0)
    made = world(tmp_path, {1: ("buy",), 3: ("sell", {"quantity": 5.0})}, flat_prices(6), settings)
    refuse = made.exchange._refuse  # noqa: SLF001

    def refuse_exits(request: Any) -> None:
        if request.intent is Intent.EXIT:
            raise OrderRejected("no exits today")
        refuse(request)

    made.exchange._refuse = refuse_exits  # type: ignore[method-assign]  # noqa: SLF001
    run = made.play()
    assert [order.side for order in made.sent(Intent.ENTRY)] == [Side.BUY]
    child = [order for order in run.book.by_client.values() if order.request.parent]
    assert [order.state for order in child] == [OrderState.CANCELED]
    assert "parent ended unfilled" in child[0].text


def test_a_start_after_the_end_of_a_process_goes_on_with_the_stop(tmp_path: Path) -> None:
    made = world(tmp_path, {1: ("buy",)}, [*flat_prices(3), 94.0, 94.0], tail_s=1.0)
    made.prices = flat_prices(3)
    made.play()
    assert [order.type for order in made.exchange.working(SYMBOL)] == [OrderType.STOP]
    made.prices = [*flat_prices(3), 94.0, 94.0]
    run = made.play()
    assert made.exchange.position(SYMBOL) == 0.0
    ended_well(made, run)


FAULTS = ("N2", "N3", "N7", "N8", "N11", "B3", "B5", "B7", "B24", "B35")


@pytest.mark.parametrize("seed", range(12))
def test_faults_on_the_way_never_let_exits_exceed_the_position(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    price, prices = 100.0, []
    for _ in range(14):
        price *= 1.0 + chance.uniform(-0.035, 0.035)
        prices.append([round(price, 2), (round(price * 1.002, 2), chance.choice([3.0, 1e9])), round(price, 2)])
    script = {1: ("buy",), 4: ("close", {"quantity": 4.0}), 7: ("close",), 9: ("buy",), 12: ("close",)}
    made = world(tmp_path, script, prices, tail_s=90.0)
    made.faults.seed = seed
    chosen = chance.sample(FAULTS, 4)

    def begin() -> None:
        for name in chosen:
            made.faults.on(name, 0.15)

    run = made.play_with((1.0, begin), (70.0, made.faults.heal))
    assert made.exchange.position(SYMBOL) >= 0.0
    held = [order.request.client_id for order in run.book.open_orders() if order.is_held]
    assert [text for text in made.broken(run) if not any(name in text for name in held)] == []
