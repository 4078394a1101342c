"""Processes that die, hang and are stopped; halts that need neither engine nor database (promises 11, 17, 28)."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from itertools import count

import pytest
from up_scene import HANGING, Up, until, write_agent

from patience import PATIENCE_S, stretch
from tidemill.adapters.sql.opening import open_store
from tidemill.model.errors import ConfigError, GuardRefusal
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.services.halting import halt, resume
from tidemill.services.operating import ask_cancel, ask_order, ask_tick

SIZES = count(10)
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs Unix signals")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    strategy = folder / "hanging.py"
    strategy.write_text(HANGING, encoding="utf-8")
    wild = write_agent(folder, "wild", f"{strategy}:Hanging", ["BTCUSD"])  # it trades at any hour
    scene = Up(folder, [write_agent(folder, "calm"), wild])
    try:
        scene.wait_ready()
        yield scene
    finally:
        scene.stop()


@pytest.fixture
def calm(up: Up) -> Iterator[str]:
    """The run of the calm agent, trading and without orders."""
    run = up.run_of("calm")
    for item in Halts(up.home.halts).standing():
        resume(up.home, item.scope, "Ann")
    until(lambda: _is_living(up, run))
    ask_tick(up.home, "SPY", 500.0, run_id=run, wait_s=PATIENCE_S)
    yield run
    if up.process.poll() is not None:
        return
    for item in Halts(up.home.halts).standing():
        resume(up.home, item.scope, "Ann")
    until(lambda: _is_living(up, run))
    ask_cancel(up.home, run_id=run)


def _is_living(up: Up, run: str) -> bool:
    return up.beat(run).pid == up.pid(run) and time.time_ns() - up.beat(run).now_ns < 2e9


def _bid(up: Up, run: str, **more: object) -> str:
    """Work a buy order far below the market, of a size of its own (two alike are refused); return its id."""
    body = {"symbol": "SPY", "side": "buy", "quantity": next(SIZES), "limit_price": 400.0, **more}
    answer = ask_order(up.home, body, run_id=run, wait_s=PATIENCE_S)
    assert answer.state == "DONE", answer.text
    assert answer.text.endswith("WORKING")
    return answer.text.split()[0]


def _state(up: Up, run: str, order: str) -> str:
    with up.store() as store:
        return next(row.state for row in store.orders(run) if row.client_id == order)


def _is_halted(up: Up, run: str) -> bool:
    try:
        with up.store() as store:
            before = len(store.orders(run))
        body = {"symbol": "SPY", "side": "buy", "quantity": next(SIZES), "limit_price": 400.0}
        answer = ask_order(up.home, body, run_id=run)
    except GuardRefusal:
        return True
    with up.store() as store:
        return answer.state == "REFUSED" and "halted" in answer.text.lower() and len(store.orders(run)) == before


def test_one_key_is_one_order(up: Up, calm: str) -> None:
    body = {"symbol": "SPY", "side": "buy", "quantity": 3, "limit_price": 400.0, "stop_loss": 390.0}
    first, again = (ask_order(up.home, body, run_id=calm, key="K1") for _ in range(2))
    assert (first.state, first) == ("DONE", again)
    with pytest.raises(GuardRefusal, match="another request") as refused:
        ask_order(up.home, {**body, "quantity": 4}, run_id=calm, key="K1")
    assert refused.value.code == "key_reused"
    with up.store() as store:
        assert [row.client_id for row in store.orders(calm)].count(first.text.split()[0]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"symbol": "SPZ"}, "unknown_symbol"),
        ({"quantity": 0}, "no_quantity"),
        ({"quantity": float("nan")}, "no_quantity"),
        ({"quantity": 1.5}, "fraction"),
        ({"limit_price": 400.005}, "off_tick"),
        ({"limit_price": -1.0}, "bad_price"),
        ({"stop_loss": 401.0}, "stop_side"),
        ({"take_profit": 399.0}, "target_side"),
        ({"strategy": "nobody"}, "unknown_strategy"),
        ({"side": "hold"}, "bad_side"),
    ],
)
def test_bad_orders_are_refused_by_name_counted_and_disturb_nothing(
    up: Up, calm: str, body: dict[str, object], code: str, request: pytest.FixtureRequest
) -> None:
    with up.store() as store:
        orders, commands = len(store.orders(calm)), len(store.tape(calm))
    whole = {"symbol": "SPY", "side": "buy", "quantity": 1, "limit_price": 400.0, **body}
    with pytest.raises(GuardRefusal) as refused:
        ask_order(up.home, whole, run_id=calm, user=request.node.name)
    assert refused.value.code == code
    with up.store() as store:
        assert len(store.orders(calm)) == orders
        assert len(store.tape(calm)) == commands
        found = store._session.read('SELECT state, answer FROM commands WHERE "user" = ?', (request.node.name,))  # noqa: SLF001
    assert [(state, answer.partition(":")[0]) for state, answer in found] == [("REFUSED", code)]


def test_what_the_engine_refuses_is_answered_and_on_the_tape(up: Up, calm: str) -> None:
    body = {"symbol": "SPY", "side": "buy", "quantity": 1, "stop_loss": 510.0}  # the market stands at 500
    answer = ask_order(up.home, body, run_id=calm, key="wrong-side")
    assert (answer.state, answer.text.partition(":")[0]) == ("REFUSED", "bad_stop")
    with up.store() as store:
        assert "wrong-side" in [row.key for row in store.tape(calm)]


def test_a_bad_tick_is_refused_by_the_name_of_its_fault(up: Up, calm: str) -> None:
    answer = ask_tick(up.home, "SPY", -3.0, run_id=calm, wait_s=PATIENCE_S)
    assert answer.state == "REFUSED"
    until(lambda: any(row.kind == "REFUSED" and row.key == answer.key for row in _tape(up, calm)))


def _tape(up: Up, run: str) -> list:
    with up.store() as store:
        return store.tape(run)


def test_unknown_runs_scopes_and_orders_are_refused(up: Up, calm: str) -> None:
    for ask, code in (
        (lambda: ask_order(up.home, {"symbol": "SPY"}, run_id="nope"), "unknown_run"),
        (lambda: ask_order(up.home, {"symbol": "SPY"}), "which_run"),
        (lambda: ask_cancel(up.home, "TMNOPE"), "unknown_order"),
        (lambda: halt(up.home, "run:nope", Rung.PAUSE), "unknown_run"),
        (lambda: halt(up.home, f"symbol:{calm}/ZZZ", Rung.PAUSE), "unknown_symbol"),
        (lambda: halt(up.home, "everything", Rung.PAUSE), "unknown_scope"),
        (lambda: resume(up.home, f"run:{calm}", "Ann"), "not_halted"),
    ):
        with pytest.raises(GuardRefusal) as refused:
            ask()
        assert refused.value.code == code


def test_rungs_pause_cancel_and_only_a_named_person_resumes(up: Up, calm: str) -> None:
    order = _bid(up, calm)
    assert halt(up.home, f"run:{calm}", Rung.PAUSE, wait_s=PATIENCE_S).heeded == (calm,)
    assert _is_halted(up, calm)
    assert _state(up, calm, order) == "WORKING"
    began = time.monotonic()
    done = halt(up.home, f"run:{calm}", Rung.CANCEL, wait_s=PATIENCE_S)
    assert (done.heeded, done.is_new) == ((calm,), True)
    until(lambda: _state(up, calm, order) == "CANCELED")
    assert time.monotonic() - began < stretch()
    assert not halt(up.home, f"run:{calm}", Rung.CANCEL).is_new  # pressed twice: nothing changes
    with pytest.raises(ConfigError, match="named person"):
        resume(up.home, f"run:{calm}", "watchdog")
    assert resume(up.home, f"run:{calm}", "Ann") == ()
    until(lambda: not _is_halted(up, calm))
    kinds = [row.kind for row in _tape(up, calm)]
    assert {"HALT", "CANCEL_ALL", "RESUME"} <= set(kinds)
    assert next(row.source for row in reversed(_tape(up, calm)) if row.kind == "RESUME") == "person:Ann"


def test_a_symbol_alone_can_be_halted(up: Up, calm: str) -> None:
    ask_tick(up.home, "QQQ", 500.0, run_id=calm, wait_s=PATIENCE_S)
    order, other = _bid(up, calm), _bid(up, calm, symbol="QQQ")
    halt(up.home, f"symbol:{calm}/SPY", Rung.CANCEL)
    until(lambda: _state(up, calm, order) == "CANCELED")
    assert _state(up, calm, other) == "WORKING"
    assert (
        "halted"
        in ask_order(
            up.home, {"symbol": "SPY", "side": "buy", "quantity": 1, "limit_price": 400.0}, run_id=calm
        ).text.lower()
    )


def test_a_hanging_engine_is_halted_and_cancels_when_it_wakes(up: Up, calm: str) -> None:
    order = _bid(up, calm)
    with up.stopped(calm):
        done = halt(up.home, "system", Rung.CANCEL, wait_s=0.2)
        assert done.in_table
        assert calm in done.waiting
    until(lambda: _state(up, calm, order) == "CANCELED")
    assert _is_halted(up, calm)


def test_a_locked_database_does_not_stop_a_halt(up: Up, calm: str) -> None:
    with up.locked():
        done = halt(up.home, f"run:{calm}", Rung.PAUSE, wait_s=0.2)
        assert not done.in_table
        assert Halts(up.home.halts).find([f"run:{calm}"]) is not None
    until(lambda: done.halt.mark in up.beat(calm).heeded)
    assert _is_halted(up, calm)


def test_a_halt_survives_kill_9_and_ready_comes_again(up: Up, calm: str) -> None:
    order = _bid(up, calm)
    halt(up.home, f"account:paper:{calm}", Rung.PAUSE)
    ready = up.lines().count("READY")
    up.kill(calm)
    assert up.wait_ready(ready + 1) < 10.0 * stretch()
    assert _is_halted(up, calm)
    with up.store() as store:
        assert [row.client_id for row in store.orders(calm)].count(order) == 1
    resume(up.home, f"account:paper:{calm}", "Ann")
    until(lambda: not _is_halted(up, calm))


def test_the_watchdog_may_die_p13(up: Up, calm: str) -> None:
    before, order = up.pid("watchdog"), _bid(up, calm)
    up.kill("watchdog")
    until(lambda: up.pid("watchdog") != before)
    assert _state(up, calm, order) == "WORKING"
    assert Halts(up.home.halts).standing() == ()


def test_a_silent_engine_loses_its_entries_and_nothing_else_p14(up: Up, calm: str) -> None:
    order = _bid(up, calm)
    with up.stopped(calm):
        until(lambda: any(row.kind == "cancel" and row.user == "watchdog" for row in _waiting(up, calm)))
    until(lambda: _is_living(up, calm) and _state(up, calm, order) == "CANCELED")
    assert not _is_halted(up, calm)


def _waiting(up: Up, run: str) -> list:
    with up.store() as store:
        return store.new_commands(run)


def test_a_strategy_that_hangs_is_disabled_and_the_engine_goes_on_p5(up: Up, calm: str) -> None:
    wild = up.run_of("wild")
    pid, others = up.pid(wild), up.pid(calm)
    ask_tick(up.home, "BTCUSD", 500.0, run_id=wild, wait_s=PATIENCE_S)
    until(lambda: _orders(up, wild) > 0, what="the first bar")
    ask_tick(up.home, "BTCUSD", 511.0, run_id=wild, wait_s=0)
    until(lambda: up.pid(wild) != pid, what="the kill")
    until(lambda: _is_living(up, wild), what="the new engine")
    halted = [item for item in Halts(up.home.halts).standing() if item.scope.startswith(f"strategy:{wild}/")]
    assert [item.by for item in halted] == ["watchdog"]
    until(lambda: any(row.kind == "DISABLE" for row in _tape(up, wild)), what="the strategy's end")
    bars = _bars(up, wild)
    ask_tick(up.home, "BTCUSD", 512.0, run_id=wild, wait_s=PATIENCE_S)
    until(lambda: _bars(up, wild) > bars, what="a bar it would hang on again")
    assert _is_living(up, wild)
    assert up.pid(calm) == others
    with open_store(up.home.url, verify=False) as store:
        assert {"engine_hung", "strategy_disabled"} <= {row.kind for row in store.alerts()}


def _bars(up: Up, run: str) -> int:
    """Rows on the run's tape, as its heartbeat tells."""
    with up.store() as store:
        return int(json.loads(store.heartbeats()[f"run:{run}"][1])["seq"])


def _orders(up: Up, run: str) -> int:
    with up.store() as store:
        return len(store.orders(run))


def test_the_third_death_leaves_it_down_and_halted_p12(up: Up, calm: str) -> None:
    wild = up.run_of("wild")
    while not any("stays down" in line for line in up.lines()):
        pid = up.pid(wild)
        up.kill(wild)
        until(lambda pid=pid: up.pid(wild) != pid or any("stays down" in line for line in up.lines()))
    assert Halts(up.home.halts).find([f"run:{wild}"]) is not None
    assert len([row for row in up.events("died") if row["child"] == wild]) == 3
    assert up.process.poll() is None
    assert not _is_halted(up, calm)
    resume(up.home, f"run:{wild}", "Ann")


def test_sigterm_ends_everything_cleanly(up: Up, calm: str) -> None:
    order = _bid(up, calm)
    assert up.stop() == 1  # one engine stays down
    assert up.beat(calm).state == "STOPPED"
    with up.store() as store:
        run = store.run(calm)
    assert run is not None
    assert run.state == "STOPPED"
    assert _state(up, calm, order) == "WORKING"  # as a kill would have left it
