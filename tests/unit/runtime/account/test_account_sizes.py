"""An order has one size: the core's, the book's and, as soon as it can be asked for, the broker's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import lossy_world
from live_scene import SYMBOL, World
from tidemill.adapters.sql.opening import open_store
from tidemill.model.enums import EventKind, Intent, OrderType, Sizing
from tidemill.model.settings import StrategySettings
from tidemill.runtime.words import poller as commands

SCRIPT = {2: ("buy", {"take_profit": 110.0}), 5: ("buy", {"take_profit": 110.0})}


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def crossed(tmp_path: Path, store: Any) -> World:
    """Return a world in which the stop fills in part right before it and the target are made larger."""
    settings = StrategySettings(sizing=Sizing.FIXED, size_value=10.0, stop_loss_pct=5.0, pyramiding=2)
    options = {"prices": [100.0] * 12, "tail_s": 30.0, "latency_s": 0.01, "stream_s": 0.2, "settings": settings}
    world, _ = lossy_world(tmp_path, store, SCRIPT, **options)  # answers are faster than the stream
    world.faults.on("B12", times=1)
    return world


def test_what_filled_before_its_sibling_was_made_larger_does_not_let_both_close_too_much(
    tmp_path: Path, store: Any
) -> None:
    world = crossed(tmp_path, store)
    run = world.play()
    assert world.faults.fired["B12"] == 1
    held = world.exchange.position(SYMBOL)
    assert 0.0 < held < 20.0
    working = world.exchange.working(SYMBOL)
    assert sorted(order.type for order in working) == [OrderType.LIMIT, OrderType.STOP]
    rows = run.core.engine.state.tables["orders"]
    for order in working:
        known = run.book.by_client[order.client_id]
        assert order.remaining == held
        assert known.quantity == order.quantity == float(rows[known.row]["quantity"])
    assert world.broken(run) == []


def test_a_fill_of_an_order_that_only_the_core_has_let_go_of_is_booked_all_the_same(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: ("buy",), 4: ("close",)})
    tell = world.exchange._tell  # noqa: SLF001 - what the broker says

    def tell_more(report: Any) -> None:
        tell(report)
        order = world.exchange.truth.of_client(report.client_id)
        if report.kind is EventKind.FILL and order is not None and order.intent is Intent.EXIT and order.filled == 10.0:
            world.runs[-1].book.by_client[report.client_id].quantity = 15.0  # larger than the core knows it
            world.exchange._book(order, 3.0, 100.0)  # noqa: SLF001 - more than it was for

    world.exchange._tell = tell_more  # type: ignore[method-assign]  # noqa: SLF001 - as above
    run = world.play()
    fills = [fill.quantity for fill in world.exchange.truth.fills[:3]]
    assert fills == [10.0, 10.0, 3.0]
    assert run.present.units().get(SYMBOL, 0.0) == world.exchange.position(SYMBOL)
    assert world.broken(run) == []
