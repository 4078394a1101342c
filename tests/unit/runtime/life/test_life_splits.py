"""A split passes: our working orders are counted in new units, here as in the core, also after a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from live_scene import SYMBOL, World, flat_prices
from tidemill.model.enums import EventKind, Intent
from tidemill.model.records import EVENT
from tidemill.runtime.life.run import Run


def split(made: World, ratio: float) -> Any:
    """Return the group of a split, known now."""
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["close"] = int(EventKind.SPLIT), ratio
    rows["ts_ns"] = rows["now_ns"] = made.clock.now_ns()
    return rows


def sizes(run: Run) -> list[tuple[float, float]]:
    """Return every working order as we count it and as the core does."""
    rows = run.core.engine.state.tables["orders"]
    return [(order.quantity, float(rows[order.row]["quantity"])) for order in run.book.open_orders()]


def test_working_orders_are_counted_in_new_units(tmp_path: Path) -> None:
    made = World(tmp_path, {2: ("buy",)}, flat_prices(5), bar_ns=3_000_000_000, tail_s=2.0)

    def happen() -> None:
        made.exchange.truth.holding(SYMBOL).quantity *= 2.0
        for order in made.exchange.working(SYMBOL):
            order.quantity, order.stop_price = order.quantity * 2.0, order.stop_price / 2.0
        made.exchange.truth.prices[SYMBOL] /= 2.0
        made.runs[-1].parts.inbox.actions(split(made, 2.0))

    made.prices = [100.0, 100.0, 100.0, 50.0, 50.0]
    run = made.play_with((9.5, happen))
    (stop,) = [order for order in run.book.open_orders() if order.request.intent is Intent.PROTECT]
    assert sizes(run) == [(20.0, 20.0)] and stop.remaining == 20.0
    assert run.present.units() == {SYMBOL: 20.0}
    made.prices = [*made.prices, 50.0]
    again = made.play()
    assert sizes(again) == [(20.0, 20.0)] and again.present.units() == {SYMBOL: 20.0}


def test_loss_baselines_are_on_the_record_before_anything_is_lost(tmp_path: Path) -> None:
    made = World(tmp_path, {2: ("buy",)}, flat_prices(4), bar_ns=3_000_000_000, tail_s=3.0)
    first = made.play()
    assert first.present.baseline is not None
    assert [row.key for row in made.store.tape(made.run_id) if row.kind == "baseline"]
    second = made.play()
    assert second.present.baseline is not None
    assert second.present.baseline.day_equity_micros == first.present.baseline.day_equity_micros
