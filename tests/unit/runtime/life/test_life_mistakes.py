"""P6: a strategy that raises loses its bar, is told of, and after three bars in a row is called no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from death import Fate, die_at, haunt, lossy_world
from live_scene import SYMBOL, PaperWorld
from tidemill.adapters.sql.opening import open_store
from tidemill.authoring.rulebook import load_rules
from tidemill.engine.engine import Engine
from tidemill.model.enums import EventKind, Intent, Operator
from tidemill.runtime.record.tape import read_tape
from tidemill.runtime.recovery.refeed import Names, Refeed
from tidemill.runtime.words import poller as commands

RAISES = ("no such word",)
HALF = ("buy", {"quantity": "many"})  # raises when the ticket is half filled in


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 2.0)


def refed(world: Any, run: Any) -> Refeed:
    """Return a fresh core that the run's tape was fed to."""
    rows, _ = read_tape(run.parts.folder / run.terms.run_id)
    names = Names(run.terms.run_id, run.terms.account, run.terms.build, [SYMBOL], ["puppet"], is_stepped=False)
    refeed = Refeed(Engine(world.plan, load_rules(), form="callback"), names)
    refeed.feed(rows)
    return refeed


def test_a_bar_on_which_a_strategy_raises_is_skipped_and_the_next_one_counts_again(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: RAISES, 3: RAISES, 4: ("buy",), 5: RAISES, 6: RAISES})
    run = world.play()
    told = [alert for alert in run.alerts if alert.kind == "STRATEGY_RAISED"]
    assert len(told) == 4
    assert all(alert.severity == 2 and "live_scene.py, line" in alert.text for alert in told)
    assert "STRATEGY_DISABLED" not in world.kinds(run)
    assert world.exchange.position(SYMBOL) == 10.0
    assert [row.key for row in store.tape(world.run_id) if row.kind == "mistake"] == ["puppet"] * 4
    assert world.broken(run) == []


def test_a_ticket_that_was_half_filled_in_does_not_leave(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: HALF})
    run = world.play()
    assert world.kinds(run) == ["STRATEGY_RAISED"]
    assert world.exchange.truth.orders == []


def test_after_three_bars_in_a_row_it_is_called_no_more_and_its_stop_works_on(tmp_path: Path, store: Any) -> None:
    script = {2: ("buy",), 3: ("buy", {"limit_price": 90.0, "type": 1}), 5: RAISES, 6: HALF, 7: RAISES, 9: ("buy",)}
    prices = [100.0] * 11 + [94.0, 94.0]
    world, _ = lossy_world(tmp_path, store, script, prices=prices)
    run = world.play()
    assert world.kinds(run) == ["STRATEGY_RAISED", "STRATEGY_RAISED", "STRATEGY_DISABLED"]
    assert "3 bars in a row" in run.alerts[-1].text
    assert [order.state.name for order in world.sent(Intent.ENTRY)] == ["FILLED", "CANCELED"]  # none on bar nine
    assert world.exchange.position(SYMBOL) == 0.0  # the stop at the broker
    assert world.broken(run) == []
    assert refed(world, run).intents == store.intents(world.run_id)


def test_a_process_that_comes_after_does_not_call_it_either_and_tells_nothing_again(tmp_path: Path, store: Any) -> None:
    script = {2: RAISES, 3: RAISES, 4: RAISES, 12: ("buy",)}
    world, _ = lossy_world(tmp_path, store, script, prices=[100.0] * 7, tail_s=3.0)
    first = world.play()
    world.prices = [100.0] * 14
    run = world.play()
    assert world.kinds(first)[-1] == "STRATEGY_DISABLED"
    assert "STRATEGY_DISABLED" not in world.kinds(run)
    assert "STRATEGY_RAISED" not in world.kinds(run)
    assert world.exchange.truth.orders == []


def test_what_a_dead_process_had_left_to_say_is_said_by_the_next(tmp_path: Path, store: Any) -> None:
    world, _ = lossy_world(tmp_path, store, {2: RAISES, 3: RAISES, 4: RAISES}, prices=[100.0] * 9, tail_s=3.0)
    with pytest.MonkeyPatch.context() as patch:
        fate = Fate()
        haunt(world, fate, patch)
        world.wrap_broker = lambda broker: broker

        patch.setattr("tidemill.runtime.life.mistakes.Mistakes._end", lambda *_: None)
        die_at(world, (14.0, lambda: setattr(fate, "is_dead", True)))
    world.wrap_store = lambda inner: inner
    run = world.play()
    assert world.kinds(run)[-1] == "STRATEGY_DISABLED"
    words = [row for row in store.tape(world.run_id) if row.kind == Operator.DISABLE.name]
    assert len(words) == 1


def test_on_paper_the_same_bars_are_skipped_whoever_lives_them(tmp_path: Path, store: Any) -> None:
    def world_of(name: str) -> PaperWorld:
        world = PaperWorld(tmp_path / name, run_id=name, account=name, shared_store=store)
        world.script = {2: ("buy",), 4: RAISES, 5: HALF, 6: RAISES, 8: ("buy",)}
        return world

    whole = world_of("PW")
    run = whole.play()
    fills = [(fill.symbol, fill.side, fill.price) for fill in store.fills("PW")]
    assert fills
    assert "STRATEGY_DISABLED" in whole.kinds(run)
    broken = world_of("PB")
    for nth in (3, 4, 5):
        with pytest.MonkeyPatch.context() as patch:
            haunt(broken, Fate(name="before commit", nth=nth), patch)
            broken.wrap_broker = lambda broker: broker
            die_at(broken)
        broken.wrap_store = lambda inner: inner
    broken.play()
    assert [(fill.symbol, fill.side, fill.price) for fill in store.fills("PB")] == fills
    kinds = {name: _events(tmp_path, name) for name in ("PW", "PB")}
    assert kinds["PW"] == kinds["PB"]


def _events(folder: Path, name: str) -> list[bytes]:
    rows, _ = read_tape(folder / name / "runs" / name)
    assert (rows["event"]["kind"] == int(EventKind.OPERATOR)).sum() == 1
    return [row.tobytes() for row in rows["event"]]
