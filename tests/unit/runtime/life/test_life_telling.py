"""The core hears of the line, the account and time by rows on the tape, and its counters reach people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from live_scene import SYMBOL, World, flat_prices
from tidemill.model.enums import EventKind, Intent, Link, Refusal, Sizing, Timer
from tidemill.model.settings import StrategySettings
from tidemill.runtime.life.run import Run
from tidemill.runtime.record.tape import read_tape
from tidemill.runtime.room import LinkWord


def told(made: World, kind: EventKind) -> list[Any]:
    """Return what the tape says of a kind."""
    rows, _ = read_tape(made.folder / "runs" / made.run_id)
    return [row["event"] for row in rows if row["event"]["kind"] == int(kind)]


def codes(made: World, kind: EventKind) -> list[int]:
    return [int(event["code"]) for event in told(made, kind)]


def refusals(run: Run) -> list[int]:
    return [int(code) for code in run.core.engine.tape.rows("refusals")["refusal"]]


def world(folder: Path, script: Any, count: int = 6, **more: Any) -> World:
    return World(folder, script, flat_prices(count), bar_ns=3_000_000_000, **more)


def test_a_feed_that_drops_stops_entries_in_the_core_until_it_is_back(tmp_path: Path) -> None:
    made = world(tmp_path, {2: ("buy",), 5: ("buy",)})
    runs: list[Run] = made.runs

    def say(*, is_up: bool) -> None:
        runs[-1].parts.inbox.report(LinkWord(is_up, "the line", made.clock.now_ns()))

    run = made.play_with((4.0, lambda: say(is_up=False)), (10.0, lambda: say(is_up=True)))
    assert codes(made, EventKind.LINK) == [Link.DOWN, Link.UP]
    assert refusals(run) == [Refusal.LINK_DOWN]
    assert len(made.sent(Intent.ENTRY)) == 1


def test_a_broker_that_cannot_be_reached_is_told_to_the_core(tmp_path: Path) -> None:
    made = world(tmp_path, {4: ("buy",), 6: ("buy",)}, count=9, tail_s=30.0)

    def cut() -> None:
        made.faults.on("N23")

    run = made.play_with((10.0, cut), (20.0, made.faults.heal))  # the first order finds out
    assert codes(made, EventKind.LINK) == [Link.DOWN, Link.UP]
    assert refusals(run) == [Refusal.LINK_DOWN]
    assert made.broken(run) == []


def test_a_start_lives_the_words_again_and_says_what_has_changed(tmp_path: Path) -> None:
    made = world(tmp_path, {}, count=3, tail_s=1.0)

    def drop() -> None:
        made.runs[-1].parts.inbox.report(LinkWord(is_up=False, text="the line", at_ns=made.clock.now_ns()))

    first = made.play_with((4.0, drop))
    assert first.core.engine.state.header["link_down"][0] == 1
    made.prices = flat_prices(6)
    second = made.play()
    assert codes(made, EventKind.LINK) == [Link.DOWN, Link.UP]
    assert second.core.engine.state.header["link_down"][0] == 0


def test_the_buying_power_a_broker_grants_reaches_the_core(tmp_path: Path) -> None:
    settings = StrategySettings(sizing=Sizing.PERCENT, size_value=50.0)
    made = world(tmp_path, {3: ("buy",)}, settings=settings)
    account = made.exchange.truth.__class__.equity_micros
    try:
        made.exchange.truth.__class__.equity_micros = property(lambda _: 2_000_000_000)  # type: ignore[method-assign]
        run = made.play()
    finally:
        made.exchange.truth.__class__.equity_micros = account  # type: ignore[method-assign]
    assert {int(event["money"]) for event in told(made, EventKind.ACCOUNT_SNAPSHOT)} == {2_000_000_000}
    (entry,) = made.sent(Intent.ENTRY)
    assert entry.quantity == 20.0  # two thousand at a hundred each, not half of a hundred thousand
    assert run.core.engine.state.tables["accounts"]["ceiling"][0] == 2_000_000_000


def test_a_gate_that_never_answers_lapses_without_a_bar(tmp_path: Path) -> None:
    settings = StrategySettings(sizing=Sizing.FIXED, size_value=10.0, gate=True, gate_ttl_s=2.0)
    made = world(tmp_path, {3: ("buy",)}, count=3, settings=settings, tail_s=6.0)
    run = made.play()
    assert codes(made, EventKind.TIMER) == [Timer.LAPSE]
    assert refusals(run) == [Refusal.STALE_VERDICT]


def test_a_stop_that_is_taken_twice_stops_new_risk_until_somebody_lifts_it(tmp_path: Path) -> None:
    made = world(tmp_path, {1: ("buy",)}, count=8)

    def take_stop() -> None:
        for order in made.exchange.working(SYMBOL):
            made.exchange.cancel_by_hand(order.broker_id)

    run = made.play_with((5.0, take_stop), (6.0, take_stop))
    assert "LEFT_UNPROTECTED" in made.kinds(run)
    assert run.core.is_halted
    (row,) = [row for row in made.store.guard() if row.scope == f"run:{made.run_id}"]
    assert (row.by, row.state) == ("engine", "HALTED") and "left without a stop" in row.reason
