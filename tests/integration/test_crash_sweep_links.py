"""A broker that links no orders, and a process that dies at every point: exits never add up to more than is held."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from death import live_and_die
from live_scene import SYMBOL, World
from tidemill.model.enums import Intent, Sizing
from tidemill.model.settings import StrategySettings
from tidemill.testing.exchange import SCRIPTED_RULES

APART = replace(SCRIPTED_RULES, links_orders=False)
BRACKET = StrategySettings(sizing=Sizing.FIXED, size_value=10.0, stop_loss_pct=5.0, take_profit_pct=3.0)
# A target that is reached and fills; then an entry whose exit has to wait for the end of its stop.
SCRIPT = {1: ("buy",), 5: ("buy",), 7: ("close",)}
PRICES: list[Any] = [[(100.0, 6.0)], [100.0, 101.0], 101.0, [104.0, 104.0], 104.0, 103.0, 103.0, 103.0, 103.0]
_numbers = itertools.count(1)
pytestmark = [
    pytest.mark.usefixtures("hurried"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]


def new_world(folder: Path, store: Any) -> World:
    number = next(_numbers)
    world = World(
        folder / str(number), SCRIPT, PRICES, BRACKET, rules=APART, bar_ns=3_000_000_000, tail_s=15.0,
        run_id=f"R{number}", account=f"A{number}", shared_store=store,
    )  # fmt: skip
    _watch(world)
    return world


def _watch(world: World) -> None:
    """Fail as soon as exits that work at the broker could together turn the position."""
    enlist = world.exchange._enlist  # noqa: SLF001 - the one place where an order begins to live

    def checked(request: Any) -> Any:
        order = enlist(request)
        if request.intent is not Intent.ENTRY:
            out = [item for item in world.exchange.working(SYMBOL) if item.intent is not Intent.ENTRY]
            assert sum(item.remaining for item in out) <= world.exchange.position(SYMBOL), out
        return order

    world.exchange._enlist = checked  # type: ignore[method-assign]  # noqa: SLF001


def test_no_death_lets_exits_exceed_the_position(tmp_path: Path, store: Any) -> None:
    whole = new_world(tmp_path, store)
    run, fates = live_and_die(whole)
    assert whole.broken(run) == []
    assert [order.filled for order in whole.sent(Intent.EXIT)] == [10.0]
    assert sum(order.filled for order in whole.sent(Intent.PROTECT)) == 10.0
    points = fates[0].names
    assert {"before submit", "before cancel", "arrived cancel", "before replace"} <= {*points}
    for end in range(1, len(points) + 1, 2):
        world = new_world(tmp_path, store)
        run, _ = live_and_die(world, end)
        held = [order.request.client_id for order in run.book.open_orders() if order.is_held]
        wrong = [text for text in world.broken(run) if not any(name in text for name in held)]
        assert wrong == [], f"died at {end}: {points[end - 1]}"
        assert world.exchange.position(SYMBOL) in {0.0, 6.0, 10.0}, f"died at {end}: {points[end - 1]}"
        for order in world.exchange.working(SYMBOL):
            assert order.intent is Intent.PROTECT and order.remaining == world.exchange.position(SYMBOL)
