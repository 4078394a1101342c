"""Commands of people: taken once, over any death; an adjustment is booked once for its key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import Fate, die_at, haunt, lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.enums import Intent
from tidemill.ports.store import CommandRow
from tidemill.runtime.words import poller as commands

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 0.5)


def ask(world: World, key: str, kind: str, **body: Any) -> None:
    at = world.clock.now_ns()
    name = f"{key}-{world.run_id}"
    world.store.put_command(CommandRow(name, "ann", world.run_id, kind, json.dumps(body), "h", "NEW", "", at))


def answer(world: World, key: str) -> tuple[str, str]:
    row = world.store.command(f"{key}-{world.run_id}")
    return row.state, row.answer


def test_an_order_a_person_asks_for_is_sent_once_whenever_the_process_dies(tmp_path: Path, store: Any) -> None:
    lived, closed = 0, 0
    for end in range(1, 70):
        world, _ = lossy_world(tmp_path / str(end), store, {}, prices=[100.0] * 4, tail_s=6.0)
        with pytest.MonkeyPatch.context() as patch:
            fate = Fate(end)
            haunt(world, fate, patch)
            die_at(world, (3.5, lambda world=world: ask(world, "c", "order", symbol=SYMBOL, side="buy", quantity=3)))
        world.wrap_store = world.wrap_broker = lambda inner: inner
        if world.store.command(f"c-{world.run_id}") is None:
            continue  # died before anybody asked
        run = world.play() if fate.is_dead else world.runs[-1]
        assert len(world.sent(Intent.ENTRY)) <= 1, f"died at {end}"
        assert answer(world, "c")[0] == "DONE"
        assert world.broken(run) == [], f"died at {end}"
        lived += 1
        closed += not world.sent(Intent.ENTRY)
        if not fate.is_dead:
            break
    assert lived > 15
    assert 0 < closed < lived  # an order that had not left when its process died is over


def test_an_adjustment_is_booked_once_whenever_the_process_dies(tmp_path: Path, store: Any) -> None:
    for end in range(1, 80):
        world, _ = lossy_world(tmp_path / str(end), store, {}, prices=[100.0] * 2, tail_s=5.0)
        world.exchange.trade(SYMBOL, 100.0)
        world.exchange.adjust(SYMBOL, 4.0, 100.0)
        ask(world, "a", "adjust", symbol=SYMBOL, units=4, price=100)
        with pytest.MonkeyPatch.context() as patch:
            fate = Fate(end)
            haunt(world, fate, patch)
            die_at(world)
        world.wrap_store = world.wrap_broker = lambda inner: inner
        run = world.play() if fate.is_dead else world.runs[-1]
        assert [fill.flags for fill in store.fills(world.run_id)] == ["ADJUSTMENT"]
        assert run.present.units() == {SYMBOL: 4.0}
        assert float(store.balances(world.account)[SYMBOL]) == 4.0
        assert answer(world, "a")[0] == "DONE"
        if not fate.is_dead:
            break
    assert not fate.is_dead


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"symbol": "NONE", "units": 1, "price": 1}, "no symbol named 'NONE'"),
        ({"symbol": SYMBOL, "units": 0, "price": 1}, "units other than zero"),
        ({"symbol": SYMBOL, "units": 1, "price": "nan"}, "a price above zero"),
        ({"symbol": SYMBOL, "units": "inf", "price": 1}, "units other than zero"),
        ({"symbol": SYMBOL, "units": 1, "price": 1, "strategy": "x"}, "no strategy named 'x'"),
        ({"units": 1, "price": 1}, "symbol"),
    ],
)
def test_an_adjustment_that_means_nothing_is_refused(
    tmp_path: Path, store: Any, body: dict[str, Any], reason: str
) -> None:
    world, _ = lossy_world(tmp_path, store, {}, prices=[100.0], tail_s=2.0)
    ask(world, "a", "adjust", **body)
    run = world.play()
    state, text = answer(world, "a")
    assert (state, reason in text) == ("REFUSED", True)
    assert run.present.units() == {}
