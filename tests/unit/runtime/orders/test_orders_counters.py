"""Windows of the guard across a kill: what an earlier process has sent counts, by age; the true range of the bars."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from death import Died, Fate, die_at, haunt
from live_scene import SYMBOL, World, WorldClock, flat_prices
from tidemill.adapters.sql.opening import open_store
from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import OrderRequest
from tidemill.model.enums import EventKind, Intent, Operator, OrderType, Side, TimeInForce
from tidemill.model.errors import OrderRejected
from tidemill.model.journal import OrderRecord, OutboxRow
from tidemill.model.records import EVENT
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.ranges import PERIOD, Ranges
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.orders.counters import Counters, Left
from tidemill.runtime.orders.translation import terms_of
from tidemill.runtime.recovery.counting import recorded_rejects, recorded_requests
from tidemill.runtime.recovery.inheritance import Inherited
from tidemill.runtime.words.words import OperatorWord

SCRIPT = {1: ("buy",), 2: ("close",), 3: ("buy",), 4: ("close",)}
LOOKED_S = 24.0


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    opened = open_store("sqlite://", migrate=True, verify=False)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fdatasync", lambda _handle: None)


def quick_world(folder: Path, store: Any, name: str) -> World:
    size = 5 * SECOND_NS
    return World(
        folder / name, SCRIPT, flat_prices(9), bar_ns=size, run_id=name, account=f"S{name}", shared_store=store
    )


def seen(facts: Facts) -> tuple[Any, ...]:
    sent = [(item.symbol, item.side, item.quantity) for item in facts.recent]
    return facts.orders_in_window, facts.messages_in_window, facts.strategy_orders_in_window, sent


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_kill_forgives_no_request(tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(world: World, found: list[Facts]) -> Any:
        return lambda: found.append(world.runs[-1].present.facts_of_nobody(*world.runs[-1].now()))

    whole, wanted = quick_world(tmp_path, store, "WHOLE"), list[Facts]()
    whole.play_with((LOOKED_S, look(whole, wanted)))
    assert wanted[0].strategy_orders_in_window == 2
    assert (wanted[0].orders_in_window or 0) >= 4
    killed, found, fate = quick_world(tmp_path, store, "KILLED"), list[Facts](), Fate()

    def die() -> None:
        fate.is_dead = True
        raise Died

    with monkeypatch.context() as patch:
        haunt(killed, fate, patch)
        die_at(killed, (13.0, die))
    assert fate.is_dead
    killed.wrap_broker, killed.wrap_store = (lambda broker: broker), (lambda inner: inner)
    before_s = (killed.clock.now_ns() - WorldClock().now_ns()) / SECOND_NS
    killed.play_with((LOOKED_S - before_s, look(killed, found)))
    assert seen(found[0]) == seen(wanted[0])


def left(at_ns: int, *, action: str = "submit", is_entry: bool = True) -> Left:
    return Left(action, "trend", f"c{at_ns}", SYMBOL, Side.BUY, 1.0, is_entry, at_ns)


def test_age_counts_and_a_clock_set_back_makes_nothing_older() -> None:
    tolerances = Tolerances(rate_window_s=10.0, repetition_window_s=20.0)
    counters = Counters(tolerances, ["trend"])
    past = [left(75 * SECOND_NS), left(95 * SECOND_NS), left(96 * SECOND_NS, action="replace"), left(200 * SECOND_NS)]
    now, mono = 100 * SECOND_NS, 7 * SECOND_NS
    counters.restore(past, (now, mono), is_replay=False)
    assert (counters.orders(mono), counters.messages(mono), counters.entries("trend", mono)) == (2, 3, 2)
    assert counters.orders(mono + 6 * SECOND_NS) == 1
    assert counters.recent[-1].mono_ns == mono


def test_a_replay_counts_by_the_time_of_its_events() -> None:
    counters = Counters(Tolerances(rate_window_s=10.0), ["trend"])
    counters.restore([left(80 * SECOND_NS), left(95 * SECOND_NS)], (0, 0), is_replay=True)
    assert counters.orders(100 * SECOND_NS) == 1


def record(name: str, intent: str = "ENTRY") -> OrderRecord:
    return OrderRecord(
        name, "R", "", SYMBOL, "BUY", "MARKET", "DAY", intent, "S", "5", "0", "0", "0", "0", "FILLED", 11, 22, "", "s"
    )  # fmt: skip


def row(name: str, state: str, *, action: str = "submit", sent_ns: int = 0, text: str = "") -> OutboxRow:
    asked = OrderRequest(name, SYMBOL, Side.BUY, OrderType.MARKET, TimeInForce.DAY, 7.0, intent=Intent.ENTRY)
    body = terms_of(asked) if action == "submit" else "{}"
    return OutboxRow(f"{name}/{action}", "R", name, action, body, state, 0, 0, sent_ns, text)


def test_what_never_left_is_not_counted_and_a_simulated_request_has_the_time_of_its_turn() -> None:
    rows = [
        row("a", "DONE", sent_ns=50),
        row("b", "DROPPED", sent_ns=51),
        row("c", "PENDING"),
        row("d", "UNKNOWN", sent_ns=40),
        row("e", "DONE"),
        row("e", "DONE", action="replace"),
        row("a", "DONE", action="cancel", sent_ns=60),
    ]
    orders = [*(record(name) for name in "abcd"), record("e", "EXIT")]
    found = recorded_requests(Inherited(outbox={item.key: item for item in rows}, orders=orders))
    told = [(item.client_id, item.action, item.at_ns, item.is_entry) for item in found]
    assert told == [
        ("e", "submit", 11, False),
        ("e", "replace", 22, False),
        ("d", "submit", 40, True),
        ("a", "submit", 50, True),
    ]
    assert [item.quantity for item in found] == [7.0, 5.0, 7.0, 7.0]


def test_a_question_about_an_order_is_no_request() -> None:
    asked = OutboxRow("a/submit/9", "R", "a", "submit", "", "DONE", 0, 0, 60, "it was not shown")
    rows = [row("a", "DONE", sent_ns=50), asked]
    inherited = Inherited(outbox={item.key: item for item in rows}, orders=[record("a")])
    assert [item.at_ns for item in recorded_requests(inherited)] == [50]
    assert recorded_rejects(inherited) == 0


def test_rejects_count_since_the_last_order_taken_or_since_a_person_looked() -> None:
    rows = [row("a", "DONE", sent_ns=1, text="no"), row("b", "DONE", sent_ns=2), row("c", "DONE", sent_ns=3, text="no")]
    rows += [row("d", "DONE", sent_ns=4, text="no"), row("e", "DROPPED", sent_ns=5, text="halted")]
    outbox = {item.key: item for item in rows}
    assert recorded_rejects(Inherited(outbox=outbox)) == 2
    assert recorded_rejects(Inherited(outbox=outbox, resumed_ns=3)) == 1
    assert recorded_rejects(Inherited(outbox=outbox, resumed_ns=4)) == 0


def test_rejects_go_on_after_a_start_and_end_where_a_person_lets_the_run_go_on(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = quick_world(tmp_path, store, "REJECTS")

    def refuse(_order: OrderRequest) -> Any:
        raise OrderRejected("no such thing today")

    monkeypatch.setattr(world.exchange, "submit", refuse)
    world.script = {1: ("buy",), 3: ("buy",)}
    assert world.play().present.health.rejects_in_row == 2
    assert world.play().present.health.rejects_in_row == 2

    def resume() -> None:
        world.runs[-1].parts.inbox.operator(OperatorWord(Operator.RESUME, "me", "looked"))

    assert world.play_with((1.0, resume)).present.health.rejects_in_row == 0
    assert world.play().present.health.rejects_in_row == 0


def bar(high: float, low: float, close: float, *, size: int = 60, kind: EventKind = EventKind.BAR) -> Any:
    made = np.zeros(1, EVENT)
    made["kind"], made["interval_ns"], made["high"], made["low"], made["close"] = int(kind), size, high, low, close
    return made


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(0, 5), st.floats(0, 1)), min_size=PERIOD, max_size=40))
def test_the_average_true_range_is_wilders(moves: list[tuple[float, float, float]]) -> None:
    ranges, before, reaches = Ranges(1, 60), math.nan, list[float]()
    for low, size, share in moves:
        high, close = low + size, low + size * share
        assert math.isnan(ranges.average(0)) is (len(reaches) < PERIOD)
        ranges.take(bar(high, low, close))
        ranges.take(bar(high * 9, low, close, size=5))  # bars of another size do not count
        spans = [high - low, *([abs(high - before), abs(low - before)] if reaches else [])]
        reaches.append(max(spans))
        before = close
    wanted = sum(reaches[:PERIOD]) / PERIOD
    for reach in reaches[PERIOD:]:
        wanted = (wanted * (PERIOD - 1) + reach) / PERIOD
    assert ranges.average(0) == pytest.approx(wanted, abs=1e-9)
    ranges.take(bar(0.0, 0.0, 4.0, kind=EventKind.SPLIT))
    assert ranges.average(0) == pytest.approx(wanted / 4.0, abs=1e-9)


def test_the_guard_sees_the_range_of_the_runs_own_bars_after_a_start_too(tmp_path: Path, store: Any) -> None:
    world = World(tmp_path, {19: ("buy",)}, [100.0, 102.0] * 10, run_id="ATR", account="SATR", shared_store=store)
    run = world.play()
    facts = run.present.facts_of_nobody(*run.now())
    assert facts.symbols[SYMBOL].atr == pytest.approx(2.0, abs=0.2)
    again = world.play()
    assert again.present.facts_of_nobody(*again.now()).symbols[SYMBOL].atr == facts.symbols[SYMBOL].atr
