"""O9: two strategies of one account that want opposite sides of a symbol: the second has to wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import live_scene
from death import lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.authoring.strategy import Strategy
from tidemill.model.enums import Intent, OrderState
from tidemill.runtime.words import poller as commands

_deeds: dict[int, tuple[Any, ...]] = {}


class Rival(Strategy):
    """Do on each bar what this test says."""

    compiled = False

    def step(me, bar, order):
        """Look the bar's number up."""
        del me
        number = 1 + (int(bar.ts_ns) - live_scene._START_NS) // int(bar.interval_ns)  # noqa: SLF001 - of the scene
        deed = _deeds.get(number)
        if deed is not None:
            live_scene._act(order, deed[0], deed[1] if len(deed) > 1 else {})  # noqa: SLF001 - as above


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def rivals(tmp_path: Path, store: Any, puppet: Any, rival: Any, count: int = 12, **more: Any) -> World:
    _deeds.clear()
    _deeds.update(rival)
    world, _ = lossy_world(tmp_path, store, puppet, prices=[100.0] * count, others=(Rival,), **more)
    world.settings.allow_short = True
    world.__post_init__()
    return world


def of(run: Any, name: str, intent: Intent) -> list[Any]:
    return [order for order in run.book.by_client.values() if order.strategy == name and order.request.intent is intent]


def test_the_second_of_two_strategies_does_not_stand_against_the_first(tmp_path: Path, store: Any) -> None:
    world = rivals(tmp_path, store, {2: ("buy",)}, {5: ("sell",)})
    run = world.play()
    (second,) = of(run, "rival", Intent.ENTRY)
    assert second.state is OrderState.REJECTED
    assert second.text.startswith("self_cross: AAA: another strategy of this account holds the other side")
    assert world.exchange.position(SYMBOL) == 10.0
    assert [order.remaining for order in world.exchange.working(SYMBOL)] == [10.0]  # the first one's stop, untouched
    assert world.broken(run) == []


def test_entries_of_both_sides_on_one_bar_do_not_trade_with_each_other(tmp_path: Path, store: Any) -> None:
    world = rivals(tmp_path, store, {2: ("buy",)}, {2: ("sell",)})
    run = world.play()
    states = {name: [order.state for order in of(run, name, Intent.ENTRY)] for name in ("puppet", "rival")}
    assert states == {"puppet": [OrderState.FILLED], "rival": [OrderState.REJECTED]}
    assert of(run, "rival", Intent.ENTRY)[0].text.startswith("self_cross: ")
    assert [fill.side.name for fill in world.exchange.truth.fills] == ["BUY"]
    assert world.broken(run) == []


def test_once_the_first_is_flat_the_other_side_is_free(tmp_path: Path, store: Any) -> None:
    world = rivals(tmp_path, store, {2: ("buy",), 5: ("close",)}, {8: ("sell",)})
    run = world.play()
    assert [order.state for order in of(run, "rival", Intent.ENTRY)] == [OrderState.FILLED]
    assert world.exchange.position(SYMBOL) == -10.0
    assert world.broken(run) == []


def test_on_one_side_each_closes_its_own(tmp_path: Path, store: Any) -> None:
    world = rivals(tmp_path, store, {2: ("buy",), 8: ("close",)}, {5: ("buy", {"quantity": 4.0})})
    run = world.play()
    assert [order.request.quantity for order in of(run, "puppet", Intent.EXIT)] == [10.0]
    assert world.exchange.position(SYMBOL) == 4.0
    assert [order.remaining for order in world.exchange.working(SYMBOL)] == [4.0]
    assert world.broken(run) == []
