"""Open positions have their stop in time, or they are closed, or a person is called; nothing is ever turned round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from death import Died, Fate, die_at, haunt_record, lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import Intent, OrderState, OrderType
from tidemill.runtime.account.protection import PROTECT_NS
from tidemill.runtime.words import poller as commands
from tidemill.testing.exchange import SCRIPTED_RULES

PARTS: list[Any] = [100.0, [100.0, (100.0, 6.0)], [100.0, (100.0, 6.0)], 100.0, 100.0, 100.0]


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def stops(world: World) -> list[Any]:
    return [order for order in world.sent(Intent.PROTECT) if order.type is OrderType.STOP]


def test_a_fill_has_its_stop_within_the_time_also_in_parts(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, prices=PARTS)
    run = world.play()
    assert run.outside is not None
    assert run.outside.protector.longest_ns <= PROTECT_NS
    (stop,) = stops(world)
    first = world.exchange.truth.fills[0]
    assert stop.created_ns - first.ts_ns <= PROTECT_NS
    assert stop.remaining == 10.0


def test_an_entry_that_hangs_does_not_hold_the_stop_up(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store)

    async def submit(order: Any) -> Any:
        answer = await lossy.inner.submit(order)
        await world.clock.sleep(4.0 if order.intent is Intent.ENTRY else 0.0)  # filled long before its answer
        return answer

    lossy.submit = submit
    run = world.play()
    (stop,) = stops(world)
    assert stop.created_ns - world.exchange.truth.fills[0].ts_ns <= PROTECT_NS
    assert world.broken(run) == []


def test_a_stop_that_is_rejected_is_tried_once_more_and_then_the_position_is_closed(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.faults.on("B24", times=2)
    run = world.play()
    rejected = [order for order in run.book.by_client.values() if order.state is OrderState.REJECTED]
    assert [order.request.type for order in rejected] == [OrderType.STOP] * 2
    assert world.exchange.position(SYMBOL) == 0.0
    closing = world.sent(Intent.EXIT)[-1]
    assert closing.updated_ns - world.exchange.truth.fills[0].ts_ns <= 3 * PROTECT_NS
    assert world.broken(run) == []


def test_a_stop_that_nobody_confirms_is_asked_for_and_then_the_position_is_closed(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, settle_s=20.0, tail_s=60.0)

    async def submit(order: Any) -> Any:
        if order.intent is Intent.PROTECT:
            await world.clock.sleep(9.0)  # it never arrives
        return await lossy.inner.submit(order)

    lossy.submit = submit
    run = world.play()
    assert world.kinds(run)[:2] == ["UNPROTECTED", "UNPROTECTED"]
    assert world.exchange.position(SYMBOL) == 0.0
    (exit_,) = world.sent(Intent.EXIT)
    assert exit_.created_ns - world.exchange.truth.fills[0].ts_ns <= 4 * SECOND_NS
    assert world.broken(run) == []


@pytest.mark.parametrize("arrives", [True, False], ids=["the stop lives", "the stop never arrived"])
def test_a_stop_in_question_since_before_a_start_is_asked_for_and_not_closed_on_top_of(
    tmp_path: Path, store: Any, arrives: bool
) -> None:
    shy = replace(SCRIPTED_RULES, finds_by_client_id=False)
    world, lossy = lossy_world(tmp_path, store, rules=shy, lag_s=6.0, settle_s=8.0, prices=[100.0] * 12, tail_s=40.0)

    async def submit(order: Any) -> Any:
        if order.intent is Intent.PROTECT and len(world.runs) == 1:
            if arrives:
                await lossy.inner.submit(order)
            fate.is_dead = True
            raise Died
        return await lossy.inner.submit(order)

    lossy.submit = submit
    fate = Fate()
    with pytest.MonkeyPatch.context() as patch:
        haunt_record(world, fate, patch)
        die_at(world)
    assert fate.is_dead
    world.wrap_store = lambda inner: inner
    run = world.play()
    assert world.sent(Intent.EXIT) == []
    assert [order.remaining for order in world.exchange.working(SYMBOL)] == [10.0]
    assert world.exchange.position(SYMBOL) == 10.0
    assert world.broken(run) == []


def test_a_position_that_can_neither_be_protected_nor_closed_halts_and_calls(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, {2: ("buy",), 15: ("buy",)}, prices=[100.0] * 18, tail_s=10.0)

    async def submit(order: Any) -> Any:
        if order.intent is not Intent.ENTRY:
            await world.clock.sleep(9.0)
        return await lossy.inner.submit(order)

    lossy.submit = submit
    run = world.play()
    assert "NAKED" in world.kinds(run)
    assert run.core.is_halted
    assert [order.filled for order in world.sent(Intent.ENTRY)] == [10.0]  # never turned, never added to
    assert world.exchange.position(SYMBOL) == 10.0
    texts = [alert.text for alert in run.alerts if alert.kind == "UNPROTECTED"]
    assert [text[-12:] for text in texts[1:]] == [f"(attempt {n})." for n in (1, 2, 3)]
    assert all(alert.severity == 1 for alert in run.alerts if alert.kind == "NAKED")


@pytest.mark.parametrize("fault", ["B34", "B27"])
def test_a_stop_cancelled_by_others_is_placed_again(tmp_path: Path, store: Any, fault: str) -> None:
    world, _ = lossy_world(tmp_path, store, prices=[100.0] * 8)
    run = world.play_with((11.0, lambda: world.faults.on(fault, times=1)))
    assert world.faults.fired[fault] == 1
    assert [stop.is_open for stop in stops(world)] == [False, True]
    assert run.outside is not None
    assert run.outside.protector.longest_ns <= PROTECT_NS
    assert world.broken(run) == []


def test_what_is_left_working_after_the_position_is_gone_is_cancelled(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: ("buy",), 4: ("close",)})
    world.faults.on("B23")  # the venue does not cancel the sibling
    run = world.play()
    assert world.exchange.working() == []
    (stop,) = stops(world)
    flat = world.exchange.truth.fills[-1].ts_ns
    assert 0 < stop.updated_ns - flat <= 5 * SECOND_NS
    assert world.broken(run) == []


def test_while_the_broker_is_away_nothing_is_counted_as_an_attempt(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, tail_s=90.0)

    def cut() -> None:
        lossy.inner._line.drop(20.0)  # noqa: SLF001 - a cable is pulled

    async def submit(order: Any) -> Any:
        if order.intent is Intent.PROTECT and not lossy.lost.get("cut"):
            lossy.lost["cut"] = 1
            cut()
        return await lossy.inner.submit(order)

    lossy.submit = submit
    run = world.play()
    assert "NAKED" not in world.kinds(run)
    assert world.exchange.position(SYMBOL) == 10.0
    assert [stop.remaining for stop in stops(world)] == [10.0]  # as soon as the line was back
    assert stops(world)[0].created_ns - world.exchange.truth.fills[0].ts_ns <= 26 * SECOND_NS
    assert world.broken(run) == []


def test_a_position_that_a_crossing_exit_has_opened_is_closed(tmp_path: Path, store: Any) -> None:
    script = {2: ("buy", {"take_profit": 101.0}), 4: ("close",)}
    world, lossy = lossy_world(tmp_path, store, script, prices=[100.0] * 9)
    crossed: list[int] = []

    async def submit(order: Any) -> Any:
        if order.intent is Intent.EXIT and not crossed:
            world.exchange.trade(SYMBOL, 102.0)  # the target fills while the exit is on its way
            answer = await lossy.inner.submit(order)
            crossed.append(world.clock.now_ns())
            assert world.exchange.position(SYMBOL) == -10.0
            return answer
        return await lossy.inner.submit(order)

    lossy.submit = submit
    run = world.play()
    assert crossed
    assert world.exchange.position(SYMBOL) == 0.0
    first, closing = world.sent(Intent.EXIT)
    assert (int(first.side), int(closing.side), closing.filled) == (-1, 1, 10.0)
    assert closing.created_ns - crossed[0] <= 3 * PROTECT_NS
    assert "NAKED" not in world.kinds(run)
    assert world.broken(run) == []
