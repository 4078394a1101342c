"""What becomes of requests whose answer was lost: found, proven absent, or back from the dead; never repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from death import lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.enums import Intent, OrderState, Side, Sizing
from tidemill.model.settings import StrategySettings
from tidemill.runtime.words import poller as commands
from tidemill.testing.exchange import SCRIPTED_RULES

RESTING = {2: ("buy", {"limit_price": 90.0, "type": 1})}
PLAIN = StrategySettings(sizing=Sizing.FIXED, size_value=10.0, pyramiding=3)
PARTS: list[Any] = [100.0, [100.0, (100.0, 6.0)], [100.0, (100.0, 6.0)], 100.0, 100.0, 100.0]


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def requests(world: World, action: str = "submit") -> list[tuple[str, str]]:
    return [(row.state, row.text) for row in world.store.outbox(world.run_id) if row.action == action]


@pytest.mark.parametrize("finds", [True, False])
def test_an_order_whose_answer_was_lost_is_found_and_adopted(tmp_path: Path, store: Any, finds: bool) -> None:
    rules = replace(SCRIPTED_RULES, finds_by_client_id=finds)
    world, lossy = lossy_world(tmp_path, store, rules=rules)
    lossy.lost["submit"], lossy.is_mute = 1, True
    run = world.play()
    assert world.kinds(run) == ["UNKNOWN"]
    assert len(world.sent(Intent.ENTRY)) == 1
    assert requests(world)[0] == ("DONE", "found: FILLED")
    assert run.present.units() == {SYMBOL: 10.0}
    assert world.broken(run) == []


def test_a_stream_that_is_faster_than_the_doubt_settles_it(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store)
    lossy.lost["submit"] = 1
    run = world.play()
    assert requests(world)[0][0] == "DONE"
    assert "QUARANTINED" not in world.kinds(run)
    assert world.broken(run) == []


def test_an_entry_the_broker_swallowed_is_proven_absent_and_not_sent_again(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store)
    world.faults.on("B17", times=1)
    run = world.play()
    (order,) = run.book.by_client.values()
    assert order.state is OrderState.ABSENT
    assert world.kinds(run) == ["UNKNOWN", "ABSENT"]
    assert world.exchange.truth.arrived == {order.request.client_id: 1}
    assert requests(world) == [("DONE", "proven absent")]
    assert world.broken(run) == []


def test_absence_takes_three_whole_answers_over_the_settle_time(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, settle_s=9.0, tail_s=30.0)
    world.faults.on("B17", times=1)
    run = world.play()
    unknown, absent = run.alerts
    assert absent.at_ns - unknown.at_ns >= 9_000_000_000
    assert world.exchange.truth.requests["find"] >= 3


def test_an_incomplete_list_proves_nothing(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, tail_s=30.0)
    world.exchange.truth.prices["ZZZ"] = 10.0
    world.exchange.trade_by_hand("ZZZ", Side.BUY, 1.0)  # something the lists can lose
    world.faults.on("B17", times=1)
    run = world.play_with((1.0, lambda: world.faults.on("B36")))
    (order,) = run.book.by_client.values()
    assert order.is_unknown
    world.faults.heal()
    run = world.play()
    (order,) = run.book.by_client.values()
    assert order.state is OrderState.CANCELED  # of an earlier process: it was to end anyway
    assert order.text.startswith("not shown in ")


def test_while_an_order_is_unknown_its_instrument_takes_no_new_risk(tmp_path: Path, store: Any) -> None:
    script = {2: ("buy", {"limit_price": 90.0, "type": 1}), 5: ("buy", {"limit_price": 80.0, "type": 1})}
    world, _ = lossy_world(tmp_path, store, script, settle_s=12.0, settings=PLAIN, has_rules=False)
    world.faults.on("B17", times=1)
    run = world.play()
    first, second = run.book.by_client.values()
    assert (first.state, second.state) == (OrderState.ABSENT, OrderState.REJECTED)
    assert second.text.startswith("unknown_orders: ")


def test_an_order_that_arrives_after_it_was_proven_absent_is_told_and_cancelled(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, RESTING, tail_s=60.0)
    world.faults.on("B17", times=1)
    kept: list[Any] = []
    original = lossy.submit

    async def submit(order: Any) -> Any:
        kept.append(order)
        return await original(order)

    lossy.submit = submit  # type: ignore[method-assign]
    run = world.play_with((40.0, lambda: world.exchange.submit(kept[0])))
    assert world.kinds(run) == ["UNKNOWN", "ABSENT", "BACK_FROM_ABSENT", "ORPHAN"]
    assert [alert.severity for alert in run.alerts if alert.kind == "BACK_FROM_ABSENT"] == [1]
    assert world.exchange.working() == []
    assert world.broken(run) == []


def test_what_an_absent_order_fills_later_is_booked_and_protected(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, tail_s=60.0)
    world.faults.on("B17", times=1)
    kept: list[Any] = []
    original = lossy.submit

    async def submit(order: Any) -> Any:
        kept.append(order)
        return await original(order)

    lossy.submit = submit  # type: ignore[method-assign]
    run = world.play_with((40.0, lambda: world.exchange.submit(kept[0])))
    assert "BACK_FROM_ABSENT" in world.kinds(run)
    assert run.present.units() == {SYMBOL: 10.0}
    (stop,) = world.sent(Intent.PROTECT)
    assert (stop.is_open, stop.remaining) == (True, 10.0)
    assert world.broken(run) == []
    again = world.play()  # and the tape tells the same
    assert again.present.units() == {SYMBOL: 10.0}


def test_a_cancellation_whose_answer_was_lost_is_looked_up(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, {**RESTING, 4: ("close",)})
    lossy.lost["cancel"] = 1
    lossy.is_mute = True
    run = world.play()
    assert requests(world, "cancel") == [("DONE", "found: CANCELED")] or requests(world, "cancel")[0][0] == "DONE"
    assert [order.state for order in run.book.by_client.values()] == [OrderState.CANCELED]
    assert world.broken(run) == []


def test_a_cancellation_that_did_not_arrive_is_repeated(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, {**RESTING, 4: ("close",)})
    original, lost = lossy.cancel, [1]

    async def cancel(client_id: str, broker_id: str) -> Any:
        if lost[0]:
            lost[0] -= 1
            await lossy._call("cancel", client_id, lambda: world.clock.sleep(9.0))  # noqa: SLF001 - it never arrives
        return await original(client_id, broker_id)

    lossy.cancel = cancel  # type: ignore[method-assign]
    run = world.play()
    assert [name for name, _ in lossy.calls].count("cancel") == 2
    keys = [row.key for row in world.store.outbox(world.run_id) if row.action == "cancel"]
    assert keys[1] == f"{keys[0]}~1"
    assert [order.state for order in run.book.by_client.values()] == [OrderState.CANCELED]
    assert world.broken(run) == []


def test_a_replacement_whose_answer_was_lost_is_told_by_the_terms_at_the_broker(tmp_path: Path, store: Any) -> None:
    world, lossy = lossy_world(tmp_path, store, prices=PARTS)
    lossy.lost["replace"] = 1
    run = world.play()
    assert requests(world, "replace") == [("DONE", "it took")]
    (stop,) = world.sent(Intent.PROTECT)
    assert stop.quantity == 10.0
    (kept,) = run.book.live.values()
    assert (kept.state, kept.quantity) == (OrderState.WORKING, 10.0)
    assert world.broken(run) == []
